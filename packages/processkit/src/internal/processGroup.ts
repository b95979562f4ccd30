/** The value behind `ProcessGroup`, apart from its module so that the engine can make one. */
import * as Inspectable from "effect/Inspectable"
import * as Pipeable from "effect/Pipeable"
import type * as ProcessGroup from "../ProcessGroup.ts"

export const TypeId = "~processkit/ProcessGroup"

export const fromParts = (
  parts: Omit<
    ProcessGroup.ProcessGroup,
    typeof TypeId | keyof Pipeable.Pipeable | keyof Inspectable.Inspectable
  >
): ProcessGroup.ProcessGroup => Object.assign(Object.create(Proto), parts)

const Proto = {
  ...Inspectable.BaseProto,
  [TypeId]: TypeId,
  pipe() {
    return Pipeable.pipeArguments(this, arguments)
  },
  toJSON(this: ProcessGroup.ProcessGroup): unknown {
    return { _id: "ProcessGroup", mechanism: this.mechanism }
  }
}
