/**
 * What signals do to a scripted program: the default actions of signal(7) and the numbers of Linux.
 *
 * No signal is ever sent anywhere.
 */
import * as Outcome from "../Outcome.ts"
import type * as Signal from "../Signal.ts"

/** What a program does about a signal instead of the default; a function is asked each time, and may leave it at that. */
export type Disposition = "ignore" | LastWords | (() => Words | undefined)

/** What a program says to a signal, and how it ends where it does. */
export interface Words {
  readonly stdout?: string | Uint8Array | undefined
  readonly stderr?: string | Uint8Array | undefined
  readonly exit?: Outcome.Exit | undefined
}

/** What a program still says, and how it ends. */
export interface LastWords extends Words {
  readonly exit: Outcome.Exit
}

export type Dispositions = { readonly [S in Signal.Signal]?: Disposition | undefined }

/** What a signal makes a program do. */
export type Reaction =
  | { readonly _tag: "Nothing" }
  | { readonly _tag: "Stop" }
  | { readonly _tag: "Continue" }
  | ({ readonly _tag: "Say" } & Words)
  | ({ readonly _tag: "End" } & LastWords)

// signal(7), "Signal numbering for standard signals", x86 and ARM. SIGINFO is 29 on the systems that have it.
const numbers: { readonly [S in Signal.Name]: number } = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGILL: 4,
  SIGTRAP: 5,
  SIGABRT: 6,
  SIGBUS: 7,
  SIGFPE: 8,
  SIGKILL: 9,
  SIGUSR1: 10,
  SIGSEGV: 11,
  SIGUSR2: 12,
  SIGPIPE: 13,
  SIGALRM: 14,
  SIGTERM: 15,
  SIGSTKFLT: 16,
  SIGCHLD: 17,
  SIGCONT: 18,
  SIGSTOP: 19,
  SIGTSTP: 20,
  SIGTTIN: 21,
  SIGTTOU: 22,
  SIGURG: 23,
  SIGXCPU: 24,
  SIGXFSZ: 25,
  SIGVTALRM: 26,
  SIGPROF: 27,
  SIGWINCH: 28,
  SIGIO: 29,
  SIGPWR: 30,
  SIGINFO: 29,
  SIGSYS: 31
}

/** The first real-time signal that glibc leaves to programs (signal(7), "Real-time signals"). */
const firstRealTime = 34

const isName = (signal: Signal.Signal): signal is Signal.Name => Object.hasOwn(numbers, signal)

/** The number of a signal on Linux. */
const numberOf = (signal: Signal.Signal): number =>
  isName(signal) ? numbers[signal] : firstRealTime + Number(signal.slice("SIGRTMIN+".length))

/** The end of a program that a signal killed. */
export const killedBy = (signal: Signal.Signal): Outcome.Signaled => Outcome.signaled(signal, numberOf(signal), false)

const stopping: ReadonlySet<Signal.Signal> = new Set(["SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU"])
const harmless: ReadonlySet<Signal.Signal> = new Set(["SIGCHLD", "SIGURG", "SIGWINCH", "SIGINFO"])

/** What a running program does about a signal. `SIGKILL` and `SIGSTOP` cannot be caught, and `SIGCONT` always continues. */
export const reaction = (signal: Signal.Signal, dispositions: Dispositions): Reaction => {
  if (signal === "SIGCONT") return { _tag: "Continue" }
  const own = signal === "SIGKILL" || signal === "SIGSTOP" ? undefined : dispositions[signal]
  const answer = typeof own === "function" ? own() : own
  if (answer === "ignore") return { _tag: "Nothing" }
  if (answer?.exit !== undefined) return { _tag: "End", ...answer, exit: answer.exit }
  if (answer !== undefined) return { _tag: "Say", ...answer }
  if (stopping.has(signal)) return { _tag: "Stop" }
  return harmless.has(signal) ? { _tag: "Nothing" } : { _tag: "End", exit: killedBy(signal) }
}
