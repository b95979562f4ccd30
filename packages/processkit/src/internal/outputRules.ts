/**
 * Checks where a command's output shall go: pure.
 */
import type * as Sink from "effect/Sink"
import type * as ProcessBackend from "../ProcessBackend.ts"
import * as Stdio from "../Stdio.ts"
import { isReceiver, toSink } from "./receiver.ts"
import { optional, refuse } from "./refusal.ts"

/** Where the operating system sends a stream; a tee reads it from a pipe. */
export const destination = (
  field: string,
  value: Stdio.Stdio | undefined,
  path: (field: string, value: string) => string
): ProcessBackend.Output => {
  if (value === undefined) return "pipe"
  if (value === "pipe" || value === "null" || value === "inherit") return value
  if (!Stdio.isDestination(value)) return refuse(field, "is none of \"pipe\", \"null\", \"inherit\", a file and a tee")
  if (value._tag === "Tee") return "pipe"
  return {
    _tag: "File",
    path: path(`the path of ${field}`, value.path),
    append: optional(`append of ${field}`, value.append, "boolean")
  }
}

/** Who gets copies of a stream. */
export const receiver = (
  field: string,
  value: Stdio.Stdio | undefined
): Sink.Sink<unknown, Uint8Array, unknown, unknown> | undefined => {
  if (!Stdio.isDestination(value) || value._tag !== "Tee") return undefined
  return isReceiver(value.receiver)
    ? toSink(value.receiver)
    : refuse(`the tee of ${field}`, "is neither a sink, a function nor a writable stream")
}

/** Whether a run has something of a stream to give. */
export const isCaptured = (value: Stdio.Stdio | undefined): boolean =>
  value === undefined || value === "pipe" || (Stdio.isDestination(value) && value._tag === "Tee")

/** Whether a stream goes where a run can give nothing of it; what is no destination at all is for the start to refuse. */
export const isElsewhere = (value: Stdio.Stdio | undefined): boolean =>
  value === "null" || value === "inherit" || (Stdio.isDestination(value) && value._tag === "File")
