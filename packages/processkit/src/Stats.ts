/**
 * What processes use: a look at a group or a program, and the summary of a run.
 *
 * A number is there where the operating system says it, and `undefined` where it does not: never a zero that stands for
 * "unknown".
 *
 * @stability experimental
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Outcome from "./Outcome.ts"

/**
 * What a group, or a program with its descendants, uses at the moment.
 *
 * **Details**
 *
 * - `processes`: how many are alive; a zombie is not.
 * - `cpuTime`: user and system time together. Under `cgroup-v2` of everything that ever ran in the group, else of the
 *   processes alive now and of the descendants that they have waited for.
 * - `memoryBytes`: what is held now: with the memory controller all that the kernel charges to the group, page cache
 *   included; else the resident sizes of the processes, in which shared pages count once for each.
 * - `peakMemoryBytes`: the most that was held at once. Exact where the memory controller is enabled (Linux 5.19); else
 *   a lower bound: the resident size now, or the largest that one process alive has had.
 * - `peakTasks`: the most threads at once, where the pids controller is enabled (Linux 6.1).
 * - `ioReadBytes`, `ioWriteBytes`: what went to and from block devices, not through pipes or caches.
 *
 * **Platform**
 *
 * Without `/proc` (macOS) only `processes` is known. Under `cgroup-v2` `cpuTime` needs no controller. Where one
 * member may not be looked at, what would have to be summed over all is `undefined`.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface ProcessGroupStats {
  readonly processes: number
  readonly cpuTime: Duration.Duration | undefined
  readonly memoryBytes: number | undefined
  readonly peakMemoryBytes: number | undefined
  readonly peakTasks: number | undefined
  readonly ioReadBytes: number | undefined
  readonly ioWriteBytes: number | undefined
}

/**
 * What a run used, from its start to its end.
 *
 * **Details**
 *
 * `cpuTime` and `peakMemoryBytes` are the most that was seen: by one of the `samples`, or by the operating system at
 * the exit, which also knows of what is over before it could be sampled. `samples` counts those that found nothing,
 * too. `averageCores` is `cpuTime` by `duration`: 0.5 is half a core, busy on average.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface RunProfile {
  readonly outcome: Outcome.Outcome
  readonly duration: Duration.Duration
  readonly cpuTime: Duration.Duration | undefined
  readonly peakMemoryBytes: number | undefined
  readonly samples: number
  readonly averageCores: number | undefined
}
