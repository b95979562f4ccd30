/**
 * The words that owner and Linux host exchange.
 *
 * `native/linux/PROTOCOL.md` says what each message means; the numbers are those of `native/linux/src/protocol.h`.
 * `hostRequests.ts` makes bytes of requests, `hostEvents.ts` makes events of bytes.
 */
export const version = 3

/** A larger message ends the conversation, so it is never sent. */
export const maxMessage = 8 * 1024 * 1024
export const maxStrings = 1 << 18

/** How the host holds what it starts: in the cgroup it is told, or behind a monitor each. */
export type Mode = "direct" | "monitored"

export type Stream =
  | { readonly _tag: "Null" }
  | { readonly _tag: "Pipe" }
  | { readonly _tag: "Inherit" }
  | { readonly _tag: "File"; readonly path: string; readonly flags: number; readonly mode: number }
  | { readonly _tag: "Link"; readonly link: number }
  | { readonly _tag: "Same"; readonly stream: 0 | 1 }
  /** For output: a pipe that the host reads as long as little comes, and hands over where more does. */
  | { readonly _tag: "Relay" }

/** Bits of `Stream.flags`. */
export const FileFlag = { read: 1, write: 2, create: 4, truncate: 8, append: 16, exclusive: 32 } as const

export interface Limit {
  readonly resource: number
  readonly soft: bigint
  readonly hard: bigint
}

/** A descriptor above the standard ones; the direction is the child's view of it. */
export interface Descriptor {
  readonly fd: number
  readonly direction: "read" | "write" | "both"
}

/** What a child gets besides program, arguments, environment, directory and streams. Absent means: as the host has it. */
export interface Attributes {
  readonly uid?: number | undefined
  readonly gid?: number | undefined
  readonly groups?: ReadonlyArray<number> | undefined
  readonly umask?: number | undefined
  readonly limits?: ReadonlyArray<Limit> | undefined
  readonly nice?: number | undefined
  /** The processors that may be used, as a bit mask in the order of the kernel's. */
  readonly affinity?: Uint8Array | undefined
  readonly ioPriority?: number | undefined
  readonly noNewPrivileges?: boolean | undefined
  /** Only for the launcher: a session of its own. Children of the host always have one. */
  readonly session?: boolean | undefined
  /** Only for the launcher: descriptors between 3 and its own stay open. */
  readonly keepDescriptors?: boolean | undefined
  /** Descriptors from 3 to 63, ascending: pipes, or for both directions a socket pair, with the other ends here. */
  readonly descriptors?: ReadonlyArray<Descriptor> | undefined
  /** The cgroup is made for this child, and removed when it has ended and nobody else is left in it. */
  readonly ownCgroup?: boolean | undefined
}

/** A start, located and resolved. `environment` holds `NAME=value` texts, `cgroup` is empty where there is none. */
export interface Spawn {
  readonly file: string
  readonly directory: string
  readonly cgroup: string
  readonly arguments: ReadonlyArray<string>
  readonly environment: ReadonlyArray<string>
  readonly streams: readonly [stdin: Stream, stdout: Stream, stderr: Stream]
  readonly attributes?: Attributes | undefined
}

/** What a host is started as. In the terminal role it stays in our session, and lends our terminal to its one child. */
export type Role = "host" | "terminal"

/** `foreground`, only in the terminal role: gives the terminal to a child that it has stopped, and continues it. */
export type TreeAction = "list" | "signal" | "suspend" | "resume" | "kill" | "foreground"

/** What the start was doing when it failed, in the order of its work. */
export const stages = [
  "executing",
  "request",
  "pipe",
  "container",
  "fork",
  "session",
  "stream",
  "limits",
  "umask",
  "nice",
  "ioPriority",
  "affinity",
  "directory",
  "groups",
  "gid",
  "uid",
  "noNewPrivileges",
  "descriptors",
  "signals",
  "exec",
  "killed",
  "terminal"
] as const

export type Stage = (typeof stages)[number]

export type HostEvent =
  | {
    readonly _tag: "Welcome"
    readonly token: number
    readonly version: number
    readonly features: number
    readonly pid: number
  }
  | { readonly _tag: "Done"; readonly token: number; readonly errno: number; readonly count: number }
  | { readonly _tag: "Spawned"; readonly id: number; readonly pid: number }
  | {
    readonly _tag: "Failed"
    readonly id: number
    readonly stage: Stage
    readonly handles: number
    readonly errno: number
  }
  | {
    readonly _tag: "Exited"
    readonly id: number
    /** As `wait4` gives it. */
    readonly status: number
    readonly userMicros: number
    readonly systemMicros: number
    readonly peakBytes: number
    /** Whether a cgroup that was made for the child is gone again, and so nobody left in it. */
    readonly cgroupRemoved: boolean
  }
  | { readonly _tag: "Emptied"; readonly id: number }
  | { readonly _tag: "Lost"; readonly id: number }
  | { readonly _tag: "Members"; readonly token: number; readonly pids: ReadonlyArray<number> }
  | { readonly _tag: "Refused"; readonly why: Refusal }
  /** What was written to a relayed stream; no bytes are the end of it. */
  | { readonly _tag: "Output"; readonly id: number; readonly stream: number; readonly bytes: Uint8Array }
  /** The rest of a relayed stream comes as a handle. */
  | { readonly _tag: "Handed"; readonly id: number; readonly stream: number }
  /** Terminal role: the child was stopped, and the terminal is ours again. */
  | { readonly _tag: "Stopped"; readonly id: number; readonly signal: number }

export type Refusal = "oversized" | "malformed" | "order" | "version" | "unknown"

/** Why something cannot be put into a message. Never holds the value. */
export interface Unencodable {
  readonly field: string
  readonly problem: "holds a NUL byte" | "is too long"
}
