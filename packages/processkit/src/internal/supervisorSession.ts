/** The public face of a supervision. A class, since a session costs nothing then but what it holds. */
import * as Effect from "effect/Effect"
import type * as Supervisor from "../Supervisor.ts"
import * as Supervision from "./supervision.ts"
import * as Rules from "./supervisionRules.ts"

type Session<E> = Supervisor.Session<E>

export class SupervisorSession<E> implements Session<E> {
  readonly #supervision: Supervision.Supervision<E>

  constructor(supervision: Supervision.Supervision<E>) {
    this.#supervision = supervision
  }

  get status(): Session<E>["status"] {
    return Effect.sync(() => this.#supervision.ledger.status)
  }

  get events(): Session<E>["events"] {
    return this.#supervision.ledger.log.events
  }

  get ready(): Session<E>["ready"] {
    return this.#supervision.ledger.ready
  }

  get await(): Session<E>["await"] {
    return Supervision.outcomeOf(this.#supervision.ledger)
  }

  /** A function of its own, so that it works without its session, as the other fields do. */
  get stop(): Session<E>["stop"] {
    const { control, ledger } = this.#supervision
    return (policy) =>
      Effect.flatMap(
        Effect.fromResult(Rules.stopPolicy(ledger.program, policy)),
        () => Effect.andThen(control.stop(policy), Supervision.outcomeOf(ledger))
      )
  }
}
