/**
 * The programs that the contract of backends is checked with.
 *
 * Whoever has a backend checked says how each of them is called there: a scripted backend has scripts for them, a real one
 * small programs on disk. Every one of them does one thing, and those that run until they are ended say `ready` on
 * standard output, followed by a newline, once they have done what they are named after.
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Signal from "../Signal.ts"
import type * as SpawnAttributes from "../SpawnAttributes.ts"

/**
 * A program and its arguments.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Line {
  readonly program: string
  readonly args: ReadonlyArray<string>
}

/**
 * How each program is called.
 *
 * **Details**
 *
 * - `printsTwoStreams`: writes `out` and a newline to standard output, `err` and a newline to standard error, exits with 0.
 * - `exitsWith`: prints nothing and exits with the code.
 * - `diesBySignal`: prints nothing and sends the signal to itself, without a core dump.
 * - `floods`: writes so many bytes to standard output, the byte at offset `i` being `i % 251`, and exits with 0.
 * - `echoesStdin`: copies standard input to standard output until end of file, then exits with 0.
 * - `printsArguments`: writes its arguments after the given one, each followed by a NUL, and exits with 0.
 * - `printsVariable`: writes `=` and the value of the variable, or nothing where it is not set, and exits with 0. A shell
 *   will not do: it makes variables up.
 * - `printsDirectory`: writes its working directory, without a newline, and exits with 0.
 * - `printsAttribute`: writes one of its own attributes as its system tells it, without a newline, and exits with 0: ids,
 *   supplementary groups in ascending order, processors and the nice value in decimal, `umask` in octal, for `rlimits` the soft and the
 *   hard limit of `nofile`, for `ioPriority` class and level as a command names them, for `noNewPrivileges` 1 or 0, for
 *   `terminal` `shared` where it leads the foreground group of its terminal. Several
 *   values are separated by a space.
 * - `waits`: says ready and runs until it is ended; it leaves every signal to its default.
 * - `waitsFor`: prints nothing until there is a file at the path, then writes `found` and a newline to standard output and
 *   exits with 0. One that is scripted may take any time for that.
 * - `ignoresTerm`: ignores `SIGTERM`, then as `waits`.
 * - `trapsTerm`: as `waits`, but at `SIGTERM` it writes `bye` and a newline and exits with 143.
 * - `spawnsTree`: starts a descendant that holds none of its pipes and runs until it is ended, then as `waits`.
 * - `holdsPipeOpen`: starts a descendant that holds its standard output and runs until it is ended, says ready, and exits
 *   with 0.
 * - `missing`: a program that does not exist.
 *
 * `freshPath` is no program: it gives the path of a file that does not exist, where one may be made. It is gone when the
 * scope closes.
 *
 * @stability experimental
 * @category services
 * @since 0.1.0
 */
export class BackendPrograms extends Context.Service<BackendPrograms, {
  readonly printsTwoStreams: Line
  readonly exitsWith: (code: number) => Line
  readonly diesBySignal: (signal: Signal.Signal) => Line
  readonly floods: (bytes: number) => Line
  readonly echoesStdin: Line
  readonly printsArguments: (args: ReadonlyArray<string>) => Line
  readonly printsVariable: (name: string) => Line
  readonly printsDirectory: Line
  readonly printsAttribute: (name: SpawnAttributes.Name) => Line
  readonly waits: Line
  readonly waitsFor: (path: string) => Line
  readonly ignoresTerm: Line
  readonly trapsTerm: Line
  readonly spawnsTree: Line
  readonly holdsPipeOpen: Line
  readonly missing: Line
  readonly freshPath: Effect.Effect<string, never, Scope.Scope>
}>()("processkit/testing/BackendPrograms") {}
