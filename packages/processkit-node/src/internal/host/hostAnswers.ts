/**
 * What the host says of a start, an exit and a request, in the words of its users.
 */
import type { Stage, Unencodable } from "./hostProtocol.ts"

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
