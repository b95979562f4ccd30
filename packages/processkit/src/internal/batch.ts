/** Runs a verb for many commands: the rules of concurrency, failure, order and progress, apart from which verb it is. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type * as Batch from "../Batch.ts"
import type * as Command from "../Command.ts"
import * as ProcessError from "../ProcessError.ts"
import * as ProcessResult from "../ProcessResult.ts"
import type * as ProcessRunner from "../ProcessRunner.ts"
import { fanOut, lengthOf } from "./fanOut.ts"
import { checked, optional, own, record, refuse } from "./refusal.ts"

export const maxConcurrency = 1024

type Runner = ProcessRunner.ProcessRunner

/** A plain result where a failure ends the batch, else what became of the command. */
type Answer<A> = Batch.Outcome<A> | ProcessResult.ProcessResult<A>

type Verb<A> = (
  command: Command.Command
) => Effect.Effect<ProcessResult.ProcessResult<A>, ProcessError.ProcessError, Runner>

/** Options without open questions. */
interface Plan {
  readonly concurrency: number
  readonly failsFast: boolean
  readonly inOrder: boolean
  readonly onProgress: ((progress: Batch.Progress) => void) | undefined
}

type Given = Omit<Batch.Options, "onFailure"> & { readonly onFailure?: "collect" | "stop" | undefined } & Batch.Ordered

/** Reads the options, refusing what cannot be followed. */
const plan = (commands: Iterable<unknown>, options: Given): Result.Result<Plan, ProcessError.ProcessError> =>
  checked(undefined, () => {
    if (typeof commands !== "object" || commands === null || !(Symbol.iterator in commands)) {
      refuse("the batch", "is not a list of commands")
    }
    const given = record("the options", options)
    return {
      concurrency: concurrencyOf(own(given, "concurrency")),
      failsFast: oneOf("onFailure", own(given, "onFailure"), "collect", "stop"),
      inOrder: oneOf("order", own(given, "order"), "completion", "input"),
      onProgress: optional("onProgress", own(given, "onProgress"), "function")
    }
  })

const concurrencyOf = (value: unknown): number => {
  if (value === Infinity) return maxConcurrency
  return typeof value === "number" && Number.isInteger(value) && value >= 1
    ? Math.min(value, maxConcurrency)
    : refuse("concurrency", "is not a whole number of at least 1")
}

/** Whether the second of two words was given; the first is the default. */
const oneOf = <A extends string>(field: string, value: unknown, usual: A, other: A): boolean =>
  value === undefined || value === usual ? false : value === other || refuse(field, `is not "${usual}" or "${other}"`)

/** Why something else than a command does not run. */
export const notACommand: Effect.Effect<never, ProcessError.ProcessError> = Effect.suspend(() =>
  Effect.fail(ProcessError.make(
    new ProcessError.InvalidInput({ program: undefined, field: "the command", problem: "is not a command" })
  ))
)

export const outputAll = <A>(
  commands: Iterable<Command.Command>,
  verb: Verb<A>,
  options: Given
): Effect.Effect<Array<Answer<A>>, ProcessError.ProcessError, Runner> =>
  Effect.flatMap(Effect.fromResult(plan(commands, options)), (plan) => {
    const list = Array.from(commands)
    const tally = new Tally(list.length, plan.onProgress)
    const results: Array<Answer<A>> = []
    const one = (command: Command.Command, index: number) =>
      Effect.map(attempt(command, verb, plan, tally), (result) => {
        results[index] = result
      })
    return Effect.as(fanOut(list, plan.concurrency, one), results)
  })

export const outputStream = <A>(
  commands: Iterable<Command.Command>,
  verb: Verb<A>,
  options: Given
): Stream.Stream<
  readonly [number, Answer<A>],
  ProcessError.ProcessError,
  Runner
> =>
  Stream.unwrap(
    Effect.map(Effect.fromResult(plan(commands, options)), (plan) =>
      Stream.callback<
        readonly [number, Answer<A>],
        ProcessError.ProcessError,
        Runner
      >(
        (queue) => {
          const tally = new Tally(lengthOf(commands), plan.onProgress)
          const inTurn = plan.inOrder ? turns() : atOnce
          const one = (command: Command.Command, index: number) => {
            const turn = inTurn()
            return Effect.flatMap(
              attempt(command, verb, plan, tally),
              (result) => turn(Effect.asVoid(Queue.offer(queue, [index, result] as const)))
            )
          }
          return Effect.andThen(fanOut(commands, plan.concurrency, one), Queue.end(queue))
        },
        // A worker whose result nobody has taken yet starts nothing.
        { bufferSize: 0 }
      ))
  )

/** Does something when the turn has come that was taken with the call. */
type Turn = (effect: Effect.Effect<void>) => Effect.Effect<void>

const atOnce = (): Turn => (effect) => effect

/** Turns come in the order in which they were taken: each waits for the one before it. */
const turns = (): () => Turn => {
  let last: Deferred.Deferred<void> | undefined
  return () => {
    const [before, mine] = [last, Deferred.makeUnsafe<void>()]
    last = mine
    const previous = before === undefined ? Effect.void : Deferred.await(before)
    return (effect) =>
      Effect.andThen(Effect.andThen(previous, effect), Effect.asVoid(Deferred.succeed(mine, undefined)))
  }
}

/** Runs one command, and fails only where a failure is to end the batch. */
const attempt = <A>(
  command: Command.Command,
  verb: Verb<A>,
  { failsFast }: Plan,
  tally: Tally
): Effect.Effect<Answer<A>, ProcessError.ProcessError, Runner> =>
  tally.starts.pipe(
    Effect.andThen(Effect.result(verb(command))),
    Effect.flatMap((result) => {
      const success = Result.flatMap(result, ProcessResult.checkSuccess)
      const answer: Effect.Effect<Answer<A>, ProcessError.ProcessError> = failsFast
        ? Effect.fromResult(success)
        : Effect.succeed(result)
      return Effect.andThen(tally.completes(Result.isSuccess(success)), answer)
    })
  )

/** Counts, and tells whoever wants to know. */
class Tally {
  readonly #total: number | undefined
  #onProgress: ((progress: Batch.Progress) => void) | undefined
  #started = 0
  #completed = 0
  #failed = 0

  constructor(total: number | undefined, onProgress: ((progress: Batch.Progress) => void) | undefined) {
    this.#total = total
    this.#onProgress = onProgress
  }

  get starts(): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.#started++
      return this.#report()
    })
  }

  completes(worked: boolean): Effect.Effect<void> {
    this.#completed++
    if (!worked) this.#failed++
    return this.#report()
  }

  #report(): Effect.Effect<void> {
    const progress = {
      total: this.#total,
      started: this.#started,
      completed: this.#completed,
      failed: this.#failed
    }
    const shown = Result.try(() => this.#onProgress?.(progress))
    if (Result.isSuccess(shown)) return Effect.void
    this.#onProgress = undefined
    return Effect.logWarning("a progress callback threw and is not called again", shown.failure)
  }
}
