/**
 * What a running program does, as one ordered series: it starts, prints lines, and ends.
 *
 * `RunningProcess.events` and `Command.events` give it. `Started` comes first and `Exited` last, after the end of both
 * outputs; between them come the lines of both, those of each stream in its order.
 *
 * @stability experimental
 * @since 0.1.0
 */
import type * as Outcome from "./Outcome.ts"

/**
 * The program was started.
 *
 * **Details**
 *
 * `pid` is `undefined` where there is no process, as with a scripted runner.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Started {
  readonly _tag: "Started"
  readonly pid: number | undefined
}

/**
 * The program printed a line on standard output.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Stdout {
  readonly _tag: "Stdout"
  readonly line: string
}

/**
 * The program printed a line on standard error.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Stderr {
  readonly _tag: "Stderr"
  readonly line: string
}

/**
 * The program and its output have ended.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Exited {
  readonly _tag: "Exited"
  readonly outcome: Outcome.Outcome
}

/**
 * One event of a running program.
 *
 * **Example** (A log of both streams)
 *
 * ```ts
 * import * as ProcessEvent from "processkit/ProcessEvent"
 *
 * const shown = (event: ProcessEvent.ProcessEvent): string => {
 *   switch (event._tag) {
 *     case "Started":
 *       return `started as ${event.pid}`
 *     case "Stdout":
 *       return event.line
 *     case "Stderr":
 *       return `! ${event.line}`
 *     case "Exited":
 *       return `ended: ${event.outcome._tag}`
 *   }
 * }
 *
 * shown(ProcessEvent.stderr("disk full")) // => "! disk full"
 * ```
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type ProcessEvent = Started | Stdout | Stderr | Exited

/**
 * Tells whether an event is the start.
 *
 * @stability experimental
 * @category guards
 * @since 0.1.0
 */
export const isStarted = (self: ProcessEvent): self is Started => self._tag === "Started"

/**
 * Tells whether an event is a line of standard output.
 *
 * @stability experimental
 * @category guards
 * @since 0.1.0
 */
export const isStdout = (self: ProcessEvent): self is Stdout => self._tag === "Stdout"

/**
 * Tells whether an event is a line of standard error.
 *
 * @stability experimental
 * @category guards
 * @since 0.1.0
 */
export const isStderr = (self: ProcessEvent): self is Stderr => self._tag === "Stderr"

/**
 * Tells whether an event is the end.
 *
 * @stability experimental
 * @category guards
 * @since 0.1.0
 */
export const isExited = (self: ProcessEvent): self is Exited => self._tag === "Exited"

/**
 * Makes the event of a start.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const started = (pid: number | undefined): Started => ({ _tag: "Started", pid })

/**
 * Makes the event of a line on standard output.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const stdout = (line: string): Stdout => ({ _tag: "Stdout", line })

/**
 * Makes the event of a line on standard error.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const stderr = (line: string): Stderr => ({ _tag: "Stderr", line })

/**
 * Makes the event of an end.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const exited = (outcome: Outcome.Outcome): Exited => ({ _tag: "Exited", outcome })
