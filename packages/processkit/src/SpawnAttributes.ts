/**
 * What a program is given at its start beyond its arguments: whose rights it has, how much it may use, how it is
 * scheduled.
 *
 * All of them are options of `Command`. They hold for the program and are inherited by whatever it starts. None is ever
 * left out silently: what a mechanism cannot give fails the start with `Unsupported`, what this user may not give with
 * `PermissionDenied`.
 *
 * **Details**
 *
 * They are applied in this order, before the first instruction of the program: limits, `umask`, `priority`,
 * `ioPriority`, `affinity`, the working directory, `groups`, `gid`, `uid`, `noNewPrivileges`. So a priority may be raised
 * for a user who could not raise it, and the working directory and the files of the standard streams are opened with the
 * owner's rights.
 *
 * @stability experimental
 * @since 0.1.0
 */
import type * as ByteSize from "effect/ByteSize"
import type * as Duration from "effect/Duration"

/**
 * A level of scheduling, or a nice value from -20, the most favoured, to 19.
 *
 * **Details**
 *
 * `"idle"` is 19, `"belowNormal"` 10, `"normal"` 0, `"aboveNormal"` -7, `"high"` -14, the numbers of Node's
 * `os.constants.priority`. To go below the owner's own value takes the right to (CAP_SYS_NICE on Linux).
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type Priority = "idle" | "belowNormal" | "normal" | "aboveNormal" | "high" | number

/**
 * How the kernel orders what a program reads and writes: its class, and within a class a level from 0, the most
 * favoured, to 7.
 *
 * **Platform**
 *
 * Linux (ioprio_set(2)). `"realTime"` takes a right (CAP_SYS_ADMIN or CAP_SYS_NICE), and no class has an effect with an
 * I/O scheduler that knows none.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type IoPriority = "idle" | { readonly class: "bestEffort" | "realTime"; readonly level: number }

/**
 * A limit of one resource: both values at once, or the soft one that the kernel enforces and the hard one up to which
 * the program may raise it. `Infinity` is no limit.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type Rlimit<A> = A | { readonly soft: A; readonly hard: A }

/**
 * Limits of a program's resources, by the names of `getrlimit(2)`.
 *
 * **Details**
 *
 * Each process has them for itself: two children may use twice as much. Limits of a whole tree belong to its group.
 *
 * - Sizes: `as` (address space), `core`, `data`, `fsize` (a file that is written), `memlock`, `msgqueue`, `stack`.
 * - Counts: `nofile` (descriptors), `nproc` (processes of the user), `rtprio`, `sigpending`.
 * - `cpu` is time, in whole seconds rounded up, at least one. After the soft limit the program gets `SIGXCPU`, after the
 *   hard one `SIGKILL`.
 *
 * **Gotchas**
 *
 * `nproc` counts every process of the user, and does not hold for root.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Rlimits {
  readonly as?: Rlimit<ByteSize.Input> | undefined
  readonly core?: Rlimit<ByteSize.Input> | undefined
  readonly cpu?: Rlimit<Duration.Input> | undefined
  readonly data?: Rlimit<ByteSize.Input> | undefined
  readonly fsize?: Rlimit<ByteSize.Input> | undefined
  readonly memlock?: Rlimit<ByteSize.Input> | undefined
  readonly msgqueue?: Rlimit<ByteSize.Input> | undefined
  readonly nofile?: Rlimit<number> | undefined
  readonly nproc?: Rlimit<number> | undefined
  readonly rtprio?: Rlimit<number> | undefined
  readonly sigpending?: Rlimit<number> | undefined
  readonly stack?: Rlimit<ByteSize.Input> | undefined
}

/**
 * The attributes as options of a command. Nothing is required.
 *
 * **Details**
 *
 * - `uid`, `gid`: the numbers of the user and the group that the program runs as; the owner's by default.
 * - `groups`: the supplementary groups, at most 1024. Where `uid` or `gid` is given and `groups` is not, the program has
 *   none, so that a service that gives up root does not keep root's groups.
 * - `umask`: the bits that new files do not get, at most `0o777`; the owner's by default.
 * - `rlimits`, `priority`, `ioPriority`: see their types; the owner's by default.
 * - `affinity`: the processors that may be used, numbered from 0 to 1023; all of the owner's by default.
 * - `argv0`: what the program sees as its own name; as it was given to the command by default.
 * - `noNewPrivileges`: that neither the program nor its descendants gain rights by executing something, which takes the
 *   effect from set-user-id files (prctl(2), PR_SET_NO_NEW_PRIVS).
 * - `terminal`: `"shared"` gives the program the terminal of the owner, as a shell gives it to its foreground job: it reads
 *   from it, Ctrl-C and Ctrl-Z are for it alone, and the owner gets the terminal back at its end. Standard streams are then
 *   `"inherit"` by default. See docs/terminal.md.
 * - `windowsHide`: that Windows shows no console window for the program; `true` by default. No effect elsewhere.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly uid?: number | undefined
  readonly gid?: number | undefined
  readonly groups?: ReadonlyArray<number> | undefined
  readonly umask?: number | undefined
  readonly rlimits?: Rlimits | undefined
  readonly priority?: Priority | undefined
  readonly affinity?: ReadonlyArray<number> | undefined
  readonly ioPriority?: IoPriority | undefined
  readonly argv0?: string | undefined
  readonly noNewPrivileges?: boolean | undefined
  readonly terminal?: "shared" | undefined
  readonly windowsHide?: boolean | undefined
}

/**
 * An attribute that a mechanism may lack.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type Name = Exclude<keyof Options, "windowsHide">

/**
 * Every attribute that a mechanism may lack.
 *
 * @stability experimental
 * @category constants
 * @since 0.1.0
 */
export const names: ReadonlyArray<Name> = [
  "argv0",
  "uid",
  "gid",
  "groups",
  "umask",
  "rlimits",
  "priority",
  "affinity",
  "ioPriority",
  "noNewPrivileges",
  "terminal"
]

/**
 * The limit of a resource, in bytes, counts or seconds; `Infinity` is none.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface ResourceLimit {
  readonly resource: keyof Rlimits
  readonly soft: number
  readonly hard: number
}

/**
 * The attributes as a backend gets them: validated, and only those that were asked for.
 *
 * **Details**
 *
 * `priority` is a nice value, `affinity` is sorted and names each processor once. The object has no prototype. A child
 * with `uid` or `gid` and without `groups` gets no supplementary groups.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface SpawnAttributes extends Omit<Options, "rlimits" | "priority"> {
  readonly rlimits?: ReadonlyArray<ResourceLimit> | undefined
  readonly priority?: number | undefined
}

/**
 * Names the attributes that were asked for and that a mechanism may lack.
 *
 * @stability experimental
 * @category getters
 * @since 0.1.0
 */
export const asked = (self: SpawnAttributes): ReadonlyArray<Name> =>
  names.filter((name) => Object.hasOwn(self, name) && self[name] !== undefined)
