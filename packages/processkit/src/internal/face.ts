/**
 * The value behind `RunningProcess`, apart from its module so that the engine can make one.
 *
 * Made of parts that are there, or of parts that are made when somebody asks for them. A program has three dozen ways to
 * be looked at, most are looked at in two or three of them, and a supervisor may hold a thousand: what nobody asks for
 * costs neither time nor memory.
 */
import * as Inspectable from "effect/Inspectable"
import * as Pipeable from "effect/Pipeable"
import type * as RunningProcess from "../RunningProcess.ts"

export const TypeId = "~processkit/RunningProcess"

/** Everything of a running program that is its own. */
export type Parts = Omit<
  RunningProcess.RunningProcess,
  typeof TypeId | keyof Pipeable.Pipeable | keyof Inspectable.Inspectable
>

/** Makes a running program from parts that are there. */
export const fromParts = (parts: Parts): RunningProcess.RunningProcess => Object.assign(Object.create(Proto), parts)

/** How each part is made of something. */
export type Makers<Source> = { readonly [K in keyof Parts]: (source: Source) => Parts[K] }

/**
 * Makes running programs whose parts are made when they are asked for, each time anew.
 *
 * Every part is an enumerable property of the program itself, so that a decorator may spread it. All programs share the
 * functions behind them: V8 keeps accessors that are the same for all in the hidden class, and nothing in the object.
 */
export const fromMakers = <Source>(makers: Makers<Source>): (source: Source) => RunningProcess.RunningProcess => {
  const sources = Symbol("source")
  const properties: PropertyDescriptorMap = {}
  for (const [name, make] of Object.entries<(source: Source) => unknown>(makers)) {
    properties[name] = {
      enumerable: true,
      get(this: { readonly [sources]: Source }) {
        return make(this[sources])
      }
    }
  }
  return (source) =>
    Object.defineProperties(Object.defineProperty(Object.create(Proto), sources, { value: source }), properties)
}

const Proto = {
  ...Inspectable.BaseProto,
  [TypeId]: TypeId,
  pipe() {
    return Pipeable.pipeArguments(this, arguments)
  },
  toJSON(this: RunningProcess.RunningProcess): unknown {
    return { _id: "RunningProcess", program: this.program, pid: this.pid, startedAt: this.startedAt }
  }
}
