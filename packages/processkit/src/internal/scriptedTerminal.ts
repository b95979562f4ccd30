/**
 * The terminal of a test, which one scripted program has at a time, as with a real one.
 */
import * as Effect from "effect/Effect"
import type { SpawnRequest } from "../ProcessBackend.ts"
import * as ProcessError from "../ProcessError.ts"
import type { ScriptedProcess } from "./scriptedProcess.ts"

const isWanted = ({ attributes }: SpawnRequest): boolean => attributes.terminal !== undefined

const taken = ProcessError.make(
  new ProcessError.Unsupported({
    feature: "sharing the terminal",
    mechanism: "scripted",
    detail: "another command of this process has it; run one after the other"
  })
)

export class ScriptedTerminal {
  #holder: ScriptedProcess | undefined

  /** Refuses a start that wants the terminal while another program has it. */
  check(request: SpawnRequest): Effect.Effect<void, ProcessError.ProcessError> {
    return Effect.suspend(() => isWanted(request) && this.#holder?.isAlive === true ? Effect.fail(taken) : Effect.void)
  }

  /** Notes who has it, where the start wanted it. */
  lend(request: SpawnRequest, holder: ScriptedProcess): void {
    if (isWanted(request)) this.#holder = holder
  }
}
