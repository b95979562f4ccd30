/**
 * A start that a double has seen: which program, with what, where.
 *
 * **Details**
 *
 * Secrets stay secrets: a `Redacted` argument or variable is kept as it is, and shown as `<redacted>`.
 *
 * @stability experimental
 * @since 0.1.0
 */
import { dual } from "effect/Function"
import * as Inspectable from "effect/Inspectable"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Command from "../Command.ts"

const TypeId = "~processkit/testing/Invocation"

/**
 * A start.
 *
 * **Details**
 *
 * `env` holds what the command sets and, as `undefined`, what it removes; nothing of what it inherits. `hasStdin` is
 * whether the program is given anything to read, `isDetached` whether it was to outlive its owner.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Invocation extends Inspectable.Inspectable {
  readonly [TypeId]: typeof TypeId
  readonly program: string
  readonly args: ReadonlyArray<Command.Argument>
  readonly cwd: string | undefined
  readonly env: Readonly<Record<string, Command.Argument | undefined>>
  readonly hasStdin: boolean
  readonly isDetached: boolean
  readonly command: Command.Command
}

/**
 * Tells whether a value is an invocation.
 *
 * @stability experimental
 * @category guards
 * @since 0.1.0
 */
export const isInvocation = (u: unknown): u is Invocation => Predicate.hasProperty(u, TypeId)

/**
 * Describes the start of a command, by a verb that owns it or by `Command.startDetached`.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const fromCommand = (command: Command.Command, isDetached = false): Invocation => {
  const { cwd, env, stdin } = command.options
  return Object.assign(Object.create(Proto), {
    program: command.program,
    args: command.args,
    cwd,
    env: Object.assign(Object.create(null), env),
    hasStdin: stdin !== undefined && stdin !== "null",
    isDetached,
    command
  })
}

/**
 * The program and its arguments, secrets shown as `<redacted>`.
 *
 * **Example** (Comparing what was run)
 *
 * ```ts
 * import * as Command from "processkit/Command"
 * import { Invocation } from "processkit/testing"
 *
 * Invocation.line(Invocation.fromCommand(Command.make`git push origin`)) // => ["git", "push", "origin"]
 * ```
 *
 * @stability experimental
 * @category getters
 * @since 0.1.0
 */
export const line = (self: Invocation): ReadonlyArray<string> => [self.program, ...self.args.map(shown)]

/**
 * Tells whether one of the arguments is this flag, or this flag with a value behind an equals sign.
 *
 * @stability experimental
 * @category predicates
 * @since 0.1.0
 */
export const hasFlag: {
  (flag: string): (self: Invocation) => boolean
  (self: Invocation, flag: string): boolean
} = dual(
  2,
  (self: Invocation, flag: string): boolean =>
    self.args.some((arg) => typeof arg === "string" && (arg === flag || arg.startsWith(`${flag}=`)))
)

/**
 * What a command says about a variable: nothing, that it is removed, or its value.
 *
 * **Details**
 *
 * `Option.none()` where the variable is inherited or absent, `Option.some(undefined)` where it is removed. A secret is
 * given as the `Redacted` that it is.
 *
 * @stability experimental
 * @category getters
 * @since 0.1.0
 */
export const env: {
  (name: string): (self: Invocation) => Option.Option<Command.Argument | undefined>
  (self: Invocation, name: string): Option.Option<Command.Argument | undefined>
} = dual(
  2,
  (self: Invocation, name: string): Option.Option<Command.Argument | undefined> =>
    Object.hasOwn(self.env, name) ? Option.some(self.env[name]) : Option.none()
)

/**
 * Tells whether a command sets a variable to a value; a secret is compared by what it hides.
 *
 * @stability experimental
 * @category predicates
 * @since 0.1.0
 */
export const envIs: {
  (name: string, value: string): (self: Invocation) => boolean
  (self: Invocation, name: string, value: string): boolean
} = dual(3, (self: Invocation, name: string, value: string): boolean => {
  const set = Object.hasOwn(self.env, name) ? self.env[name] : undefined
  return (Redacted.isRedacted(set) ? Redacted.value(set) : set) === value
})

/**
 * Tells whether a command sets a variable to anything.
 *
 * @stability experimental
 * @category predicates
 * @since 0.1.0
 */
export const hasEnv: {
  (name: string): (self: Invocation) => boolean
  (self: Invocation, name: string): boolean
} = dual(2, (self: Invocation, name: string): boolean => Object.hasOwn(self.env, name) && self.env[name] !== undefined)

// -----------------------------------------------------------------------------

const shown = (value: Command.Argument): string => Redacted.isRedacted(value) ? "<redacted>" : value

const Proto = {
  ...Inspectable.BaseProto,
  [TypeId]: TypeId,
  toString(this: Invocation): string {
    return Command.display(this.command)
  },
  toJSON(this: Invocation): unknown {
    return {
      _id: "Invocation",
      line: line(this),
      ...(this.cwd === undefined ? {} : { cwd: this.cwd }),
      env: Object.fromEntries(
        Object.entries(this.env).map(([name, value]) => [name, value === undefined ? "<removed>" : "<set>"])
      ),
      hasStdin: this.hasStdin,
      ...(this.isDetached ? { isDetached: true } : {})
    }
  }
}
