/**
 * What the host says of a start, a child, an exit and a request, in the words of its users.
 */
import type * as Effect from "effect/Effect"
import type * as Result from "effect/Result"
import type * as ProcessError from "processkit/ProcessError"
import type { HostPipe } from "./hostPipe.ts"
import type { Stage, TreeAction, Unencodable } from "./hostProtocol.ts"
import type { Outputs } from "./hostRelays.ts"

/** A start that the host or the kernel refused. */
export interface StartFailed {
  readonly _tag: "StartFailed"
  readonly stage: Stage
  /** Its name; `UNKNOWN` for `stage: "killed"`, where the process was ended on its way to its program. */
  readonly errno: string
}

/** A start that cannot be put into words. */
export interface NotEncodable extends Unencodable {
  readonly _tag: "NotEncodable"
}

export interface Exited {
  /** As `wait4` gives it: the signal in the low seven bits, the core flag above, the code in the second byte. */
  readonly status: number
  readonly userMicros: number
  readonly systemMicros: number
  readonly peakBytes: number
  /** Whether a cgroup that was made for the child is gone again, and so nobody left in it. */
  readonly cgroupRemoved: boolean
}

/** How a request about processes ended: `errno` is undefined where it succeeded. */
export interface Answer {
  readonly errno: string | undefined
  /** How many processes were reached. */
  readonly count: number
}

/** A child that was started. */
export interface HostChild {
  readonly id: number
  readonly pid: number
  /** By the number that the descriptor has in the child. */
  readonly pipes: ReadonlyArray<HostPipe | undefined>
  /** The relayed ones among standard output and standard error. */
  readonly relays: Outputs
  /** Calls back exactly once, also where the exit came before the call; a failure means that the status was lost. */
  readonly onExit: (observer: (exit: Result.Result<Exited, ProcessError.ProcessError>) => void) => void
  /** Monitored: calls back once nobody of the tree is left. Direct: with the exit. Never after a loss of the host. */
  readonly onEmptied: (observer: () => void) => void
  /** Terminal role: calls back whenever the process was stopped, by which signal; also for a stop before the first call. */
  readonly onStopped: (observer: (signal: number) => void) => void
  /** Whether its host was lost, which then tells nothing more of it. */
  readonly isHostLost: () => boolean
  /** Sends to the process itself. */
  readonly signal: (number: number) => Effect.Effect<Answer, ProcessError.ProcessError>
  /** Monitored: acts on all descendants. `kill` is answered when it has begun; `onEmptied` tells of its success. */
  readonly act: (
    action: Exclude<TreeAction, "list">,
    number?: number
  ) => Effect.Effect<Answer, ProcessError.ProcessError>
  /** Monitored: the living members of the tree. */
  readonly members: Effect.Effect<ReadonlyArray<number>, ProcessError.ProcessError>
}
