/**
 * Names of the signals that a process can be sent or be killed by.
 *
 * A signal is its name, because numbers differ between systems (`SIGUSR1` is 10 on Linux and 30 on macOS). Real-time
 * signals are written relative to the first one that the C library leaves to programs: `SIGRTMIN+3`.
 *
 * @stability experimental
 * @since 0.1.0
 */

const names = [
  "SIGHUP",
  "SIGINT",
  "SIGQUIT",
  "SIGILL",
  "SIGTRAP",
  "SIGABRT",
  "SIGBUS",
  "SIGFPE",
  "SIGKILL",
  "SIGUSR1",
  "SIGSEGV",
  "SIGUSR2",
  "SIGPIPE",
  "SIGALRM",
  "SIGTERM",
  "SIGCHLD",
  "SIGSTKFLT",
  "SIGCONT",
  "SIGSTOP",
  "SIGTSTP",
  "SIGTTIN",
  "SIGTTOU",
  "SIGURG",
  "SIGXCPU",
  "SIGXFSZ",
  "SIGVTALRM",
  "SIGPROF",
  "SIGWINCH",
  "SIGIO",
  "SIGPWR",
  "SIGINFO",
  "SIGSYS"
] as const

/**
 * A signal that has a name on at least one supported system.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type Name = typeof names[number]

/**
 * A signal by name.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type Signal = Name | `SIGRTMIN+${number}`

const known: ReadonlySet<string> = new Set(names)

/**
 * Tells whether a value is a signal by name.
 *
 * **Details**
 *
 * Names are exact: `"TERM"`, `"sigterm"` and numbers are refused. Real-time signals go from `SIGRTMIN+0` to
 * `SIGRTMIN+30`.
 *
 * **Example** (Checking a configured signal)
 *
 * ```ts
 * import * as Signal from "processkit/Signal"
 *
 * Signal.isSignal("SIGTERM") // => true
 * Signal.isSignal("TERM") // => false
 * Signal.isSignal("SIGRTMIN+3") // => true
 * ```
 *
 * @stability experimental
 * @category guards
 * @since 0.1.0
 */
export const isSignal = (u: unknown): u is Signal => typeof u === "string" && (known.has(u) || isRealTime(u))

const isRealTime = (name: string): boolean => /^SIGRTMIN\+(?:[0-9]|[12][0-9]|30)$/.test(name)
