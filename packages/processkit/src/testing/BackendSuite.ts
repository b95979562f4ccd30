/**
 * The contract that every backend keeps, as a list of claims and the effects that check them.
 *
 * The cases need no test framework: each is an effect that fails with {@link ContractBroken}. {@link suite} registers them
 * with the functions of whichever framework the caller has.
 *
 * **Details**
 *
 * A backend declares its capabilities, all of them. A case that needs one which is missing is left out, and the suite
 * prints which and why: nothing is skipped silently.
 *
 * **Gotchas**
 *
 * The cases wait on the real clock, since the backend they check may have real processes.
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type * as ProcessBackend from "../ProcessBackend.ts"
import type * as SpawnAttributes from "../SpawnAttributes.ts"
import * as BackendPrograms from "./BackendPrograms.ts"
import { attributeCases } from "./internal/attributeCases.ts"
import { detachedCases } from "./internal/detachedCases.ts"
import { exitCases } from "./internal/exitCases.ts"
import { fileCases } from "./internal/fileCases.ts"
import { inputCases } from "./internal/inputCases.ts"
import { linkCases } from "./internal/linkCases.ts"
import { outputCases } from "./internal/outputCases.ts"
import type * as Probe from "./internal/probe.ts"
import { startCases } from "./internal/startCases.ts"
import { treeCases } from "./internal/treeCases.ts"

/**
 * What a backend may lack.
 *
 * **Details**
 *
 * - `signals`: signals other than `SIGKILL` reach programs, and a death by signal is told from an exit code.
 * - `descendants`: programs can start others, and a container holds those too.
 * - `stop`: programs can be stopped and continued.
 * - `environment`, `workingDirectory`, `arguments`: programs see what they are started with.
 * - `nativeTime`: waiting for an empty container takes as long as it says.
 * - `links`: children can be connected by a pipe that the owner has no end of.
 * - `detached`: programs can be started that belong to no container.
 * - the attributes of a start, by their names: programs are started with them, and this user may ask for them.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type Capability =
  | "signals"
  | "descendants"
  | "stop"
  | "environment"
  | "workingDirectory"
  | "arguments"
  | "nativeTime"
  | "links"
  | "detached"
  | SpawnAttributes.Name

/**
 * What a backend can do: `true`, or in words why it cannot.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type Capabilities = { readonly [C in Capability]: true | string }

/**
 * A claim of the contract did not hold.
 *
 * @stability experimental
 * @category errors
 * @since 0.1.0
 */
export type ContractBroken = Probe.ContractBroken

/**
 * One claim and its check.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Case {
  readonly name: string
  readonly needs: ReadonlyArray<Capability>
  readonly run: Effect.Effect<
    void,
    ContractBroken,
    ProcessBackend.ProcessBackend | BackendPrograms.BackendPrograms | Scope.Scope
  >
}

/**
 * The functions of a test framework that the suite registers its cases with.
 *
 * **Details**
 *
 * `print` gets one line for each case that is left out; by default it goes to the console.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Register {
  readonly describe: (name: string, body: () => void) => void
  readonly it: (name: string, body: () => Promise<void>) => void
  readonly print?: ((line: string) => void) | undefined
}

/**
 * A backend that is to be checked.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Subject<E> {
  readonly name: string
  readonly layer: Layer.Layer<ProcessBackend.ProcessBackend, E>
  readonly capabilities: Capabilities
  readonly programs: BackendPrograms.BackendPrograms["Service"]
}

/**
 * Every claim of the contract.
 *
 * @stability experimental
 * @category constants
 * @since 0.1.0
 */
export const cases: ReadonlyArray<Case> = [
  ...outputCases,
  ...inputCases,
  ...fileCases,
  ...linkCases,
  ...exitCases,
  ...treeCases,
  ...startCases,
  ...detachedCases,
  ...attributeCases
]

/**
 * Tells why a case is left out for a backend, where it is.
 *
 * @stability experimental
 * @category getters
 * @since 0.1.0
 */
export const reasonToLeaveOut = (self: Case, capabilities: Capabilities): string | undefined => {
  const missing = self.needs.flatMap((need) => {
    const has = capabilities[need]
    return has === true ? [] : [`${need}: ${has}`]
  })
  return missing.length === 0 ? undefined : missing.join("; ")
}

/**
 * Registers every case that a backend can be checked with, and prints those that it cannot.
 *
 * **Details**
 *
 * The layer is built anew for each case, and what a case started is gone when it ends.
 *
 * **Example** (Checking a backend with vitest)
 *
 * ```ts
 * import type * as Layer from "effect/Layer"
 * import type * as ProcessBackend from "processkit/ProcessBackend"
 * import { type BackendPrograms, BackendSuite } from "processkit/testing"
 * import { describe, it } from "vitest"
 *
 * export const check = (
 *   layer: Layer.Layer<ProcessBackend.ProcessBackend>,
 *   programs: BackendPrograms.BackendPrograms["Service"],
 *   capabilities: BackendSuite.Capabilities
 * ) => BackendSuite.suite({ describe, it }, { name: "mine", layer, programs, capabilities })
 * ```
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const suite = <E>(register: Register, subject: Subject<E>): void => {
  const print = register.print ?? ((line) => void Effect.runFork(Console.log(line)))
  const programs = Layer.succeed(BackendPrograms.BackendPrograms, subject.programs)
  register.describe(`the backend ${subject.name}`, () => {
    for (const one of cases) {
      const why = reasonToLeaveOut(one, subject.capabilities)
      if (why === undefined) {
        register.it(
          one.name,
          () => Effect.runPromise(Effect.scoped(one.run).pipe(Effect.provide([subject.layer, programs])))
        )
      } else print(`${subject.name} leaves out "${one.name}" (${why})`)
    }
  })
}
