/**
 * Decides which stage of a pipeline is to blame: pure, and the only place where the rule is written down.
 *
 * The leftmost stage that failed by itself is the culprit. A stage that a broken pipe or the pipeline itself ended is a
 * victim, and blamed only where nobody failed by himself: then the leftmost victim is. What an unchecked stage returns
 * counts as little as what a clean one does.
 */
import type { Ending } from "./stage.ts"

/** A stage that has ended, as far as blame is concerned. */
export interface StageEnd {
  /** Latched at the exit of its program, before its output has ended. */
  readonly ending: Ending
  readonly okCodes: ReadonlyArray<number>
  readonly isUnchecked: boolean
  readonly isLast: boolean
  /** Whether the pipeline was stopping the stage when it ended. */
  readonly isStopped: boolean
}

export type Verdict = "clean" | "exempt" | "victim" | "failure"

export const verdict = (end: StageEnd): Verdict => {
  if (isClean(end)) return "clean"
  if (isExempt(end)) return "exempt"
  return wasStopped(end) || hadBrokenPipe(end) ? "victim" : "failure"
}

/** The position of the stage to blame; `undefined` where the last stage speaks for all. */
export const culprit = (ends: ReadonlyArray<StageEnd>): number | undefined => {
  const verdicts = ends.map(verdict)
  const failure = verdicts.indexOf("failure")
  const blamed = failure === -1 ? verdicts.indexOf("victim") : failure
  return blamed === -1 ? undefined : blamed
}

const isClean = ({ ending, okCodes }: StageEnd): boolean =>
  ending !== "failed" && ending._tag === "Exited" && okCodes.includes(ending.code)

/** The last stage is the pipeline's own voice: unchecked, it may return what it likes, but not be cut off. */
const isExempt = ({ ending, isLast, isUnchecked }: StageEnd): boolean =>
  isUnchecked && ending !== "failed" && (!isLast || ending._tag === "Exited")

/** A stage that has timed out was on its way out before anybody else stopped it: the first to stop it decides. */
const wasStopped = ({ ending, isStopped }: StageEnd): boolean =>
  isStopped && (ending === "failed" || ending._tag !== "TimedOut")

/** 128 and the number of SIGPIPE, on every system that has it: how a shell reports that its own child died of it. */
const brokenPipeCode = 141

/** Nobody reads on: what comes after the last stage is ours, and always read. */
const hadBrokenPipe = ({ ending, isLast }: StageEnd): boolean =>
  !isLast && ending !== "failed" &&
  (ending._tag === "Signaled"
    ? ending.signal === "SIGPIPE"
    : ending._tag === "Exited" && ending.code === brokenPipeCode)
