/**
 * The one place that sends signals.
 *
 * Signals go to identities, not to numbers: every target says why its number is still the process or group that is
 * meant, and is checked again right before the call.
 */
import * as Result from "effect/Result"
import { errnoOf } from "./errno.ts"
import type { Row } from "./processTable.ts"

/**
 * Whom a signal is for.
 *
 * - `leader`: a process that we started; `isReaped` is asked right before the call.
 * - `process`: a process seen in the table; read again right before the call, where the table can do that cheaply.
 * - `held`: a member of something that cannot lose members meanwhile, such as a frozen cgroup.
 * - `group`: a process group whose number was verified by the look that the signal follows.
 */
export type Target =
  | { readonly _tag: "leader"; readonly pid: number; readonly isReaped: () => boolean }
  | { readonly _tag: "process"; readonly row: Row }
  | { readonly _tag: "held"; readonly pid: number }
  | { readonly _tag: "group"; readonly pgid: number }

/** What became of a signal; `gone` means that nobody was there to get it. */
export type Delivery = "sent" | "gone" | "denied" | "refused"

/** Reads the row of one process, or undefined where there is none. */
export type Probe = ((pid: number) => Result.Result<Row | undefined, string>) | undefined

/** Tells whether a number may be passed to kill(2) as a process or, negated, as a group. */
export const isSignallable = (id: number, self: { readonly pid: number; readonly pgid: number | undefined }): boolean =>
  Number.isSafeInteger(id) && id > 1 && id < 2 ** 31 && id !== self.pid && id !== self.pgid

/** Interprets the answer of kill(2). Source: kill(2), man-pages 6.7. */
export const deliveryOf = (errno: string | undefined): Delivery => {
  if (errno === undefined) return "sent"
  if (errno === "ESRCH") return "gone"
  return errno === "EPERM" ? "denied" : "refused"
}

let ownGroup: number | undefined

/** Tells the guard which process group is our own. */
export const setOwnGroup = (pgid: number | undefined): void => {
  ownGroup = pgid
}

const kill = (id: number, number: number, sign: 1 | -1): Delivery => {
  if (!isSignallable(id, { pid: process.pid, pgid: ownGroup })) return "refused"
  try {
    process.kill(sign * id, number)
    return "sent"
  } catch (thrown) {
    return deliveryOf(errnoOf(thrown))
  }
}

const isSame = (row: Row, probe: Probe): boolean => {
  if (probe === undefined) return true
  const now = probe(row.pid)
  // Where the answer cannot be had (out of descriptors), the look a moment ago has to do.
  return Result.isFailure(now) || (now.success !== undefined && now.success.start === row.start)
}

/** Sends a signal by number; 0 delivers nothing and tells whether it could be delivered. */
export const send = (target: Target, number: number, probe: Probe): Delivery => {
  switch (target._tag) {
    case "leader":
      return target.isReaped() ? "gone" : kill(target.pid, number, 1)
    case "process":
      return isSame(target.row, probe) ? kill(target.row.pid, number, 1) : "gone"
    case "held":
      return kill(target.pid, number, 1)
    case "group":
      return kill(target.pgid, number, -1)
  }
}
