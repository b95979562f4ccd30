/**
 * Waits until a program is ready, and never ends it.
 *
 * Every condition becomes a *wait*: an effect that succeeds when it holds, and the text that says what was found last.
 * A wait fails as soon as its condition can never hold: a line after the end of its stream, anything else after the exit
 * of the program and one more look, since what was published last may be seen a moment after its publisher is gone.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Outcome from "../Outcome.ts"
import type * as ProcessBackend from "../ProcessBackend.ts"
import * as ProcessError from "../ProcessError.ts"
import type * as Readiness from "../Readiness.ts"
import { sleepAndCatchUp } from "./deadlines.ts"
import * as Rules from "./readinessRules.ts"
import * as Text from "./textHygiene.ts"
import * as Watching from "./watching.ts"

/** How far apart two looks from outside are. */
const interval = Duration.millis(50)

/** How long one attempt to connect may take; the machine itself answers at once. */
const connecting = Duration.seconds(1)

/** How long a reason may wait for what comes with it: an exit with the end of output, last words with an exit. */
const moment = Duration.millis(100)

/** The program that is waited for. */
export interface Subject extends Watching.Streams {
  readonly cwd: string | undefined
  readonly isRunning: () => boolean
  /** How the program exited, once it has; fails where it was cancelled, or its exit was lost. */
  readonly exit: Effect.Effect<Outcome.Exit, ProcessError.ProcessError>
  readonly outputEnded: Effect.Effect<void>
  readonly probes: ProcessBackend.Probes | undefined
  readonly sleep: ProcessBackend.ProcessBackend["Service"]["sleep"]
}

/** Nothing can hold any more that does not hold now: something has ended, or one look was all that was wanted. */
class Hopeless {
  readonly ended: Outcome.Exit | "output" | "look"
  constructor(ended: Outcome.Exit | "output" | "look") {
    this.ended = ended
  }
}

interface Wait<A, R> {
  readonly until: Effect.Effect<A, Hopeless | ProcessError.ProcessError, R>
  /** What was found at the last look. */
  readonly last: () => string
}

/** Waits for a readiness, no longer than the options say. */
export const wait = <R>(
  subject: Subject,
  readiness: Readiness.Readiness<R>,
  options: Rules.WaitOptions | undefined
): Effect.Effect<void, ProcessError.ProcessError, R> =>
  bounded(subject, options, () => waitOf(subject, Rules.readiness(readiness)))

/** Waits for a text, and gives it. */
export const waitForText = (
  subject: Subject,
  condition: Readiness.TextCondition,
  options: Rules.WaitOptions | undefined
): Effect.Effect<string, ProcessError.ProcessError> =>
  bounded(subject, options, () => textOf(subject, Rules.text(condition)))

const bounded = <A, R>(
  subject: Subject,
  options: Rules.WaitOptions | undefined,
  waitOf: () => Wait<A, R>
): Effect.Effect<A, ProcessError.ProcessError, R> =>
  Effect.suspend(() =>
    Effect.flatMap(
      Effect.fromResult(Rules.checked(subject.program, () => ({ wait: waitOf(), within: Rules.within(options) }))),
      ({ wait: { last, until }, within }) => {
        const hopeless = ({ ended }: Hopeless) =>
          Effect.andThen(lastWords(subject, ended), notReady(subject, within, last, ended))
        const ready = Effect.catch(until, (error) => error instanceof Hopeless ? hopeless(error) : Effect.fail(error))
        return Duration.isFinite(within)
          ? Effect.raceFirst(ready, Effect.andThen(sleepAndCatchUp(within), notReady(subject, within, last)))
          : ready
      }
    )
  )

const notReady = (
  { program, stderr, stdout }: Subject,
  within: Duration.Duration,
  last: () => string,
  ended?: Hopeless["ended"]
): Effect.Effect<never, ProcessError.ProcessError> =>
  Effect.suspend(() => {
    const said = Text.lastLine(stderr?.retention.text() ?? "") || Text.lastLine(stdout?.retention.text() ?? "")
    return Effect.fail(ProcessError.make(new ProcessError.NotReady({ program, within, last: last(), ended, said })))
  })

/** Lets in what a program said right before it exited, which may arrive after its exit. */
const lastWords = ({ outputEnded, sleep }: Subject, ended: Hopeless["ended"]): Effect.Effect<void> =>
  typeof ended === "string" ? Effect.void : Effect.raceFirst(outputEnded, sleep(moment))

const waitOf = <R>(subject: Subject, condition: Rules.Condition<R>, isOnce = false): Wait<unknown, R> => {
  const looking = (attempt: Effect.Effect<void, string | ProcessError.ProcessError, R>) =>
    isOnce ? lookedOnce(attempt) : polled(subject, attempt)
  switch (condition._tag) {
    case "Line":
    case "Output":
      return textOf(subject, condition)
    case "Effect":
      return looking(condition.attempt)
    case "Probe":
      return looking(attemptOf(subject, condition))
    case "Once":
      return waitOf(subject, condition.of, true)
    case "All":
      return all(condition.of.map((one) => waitOf(subject, one, isOnce)))
    case "Any":
      return any(condition.of.map((one) => waitOf(subject, one, isOnce)))
  }
}

const textOf = (subject: Subject, condition: Rules.TextCondition): Wait<string, never> => {
  const watch = Watching.watch(subject, condition)
  return {
    last: watch.last,
    until: Effect.flatMap(
      watch.text,
      Option.match({
        onNone: () => Effect.flatMap(whyEnded(subject), (ended) => Effect.fail(new Hopeless(ended))),
        onSome: (text) => Effect.succeed(text)
      })
    )
  }
}

/** Why a stream has ended: its program has exited, or has closed it. End of file often comes first of the two. */
const whyEnded = (subject: Subject): Effect.Effect<Outcome.Exit | "output", ProcessError.ProcessError> =>
  Effect.raceFirst(subject.exit, Effect.as(subject.sleep(moment), "output" as const))

/** An attempt that remembers why it has failed. */
const remembering = <R>(attempt: Effect.Effect<void, string | ProcessError.ProcessError, R>) => {
  let last = "nothing was found out yet"
  const look = Effect.tapError(attempt, (why) =>
    Effect.sync(() => {
      if (typeof why === "string") last = why
    }))
  return { look, last: () => last }
}

const lookedOnce = <R>(attempt: Effect.Effect<void, string | ProcessError.ProcessError, R>): Wait<void, R> => {
  const { last, look } = remembering(attempt)
  return { last, until: Effect.mapError(look, (why) => typeof why === "string" ? new Hopeless("look") : why) }
}

/**
 * Looks again and again, until the program exits, and then once more.
 *
 * The look under way at the exit is interrupted first, so that two never overlap.
 */
const polled = <R>(
  subject: Subject,
  attempt: Effect.Effect<void, string | ProcessError.ProcessError, R>
): Wait<void, R> => {
  const { last, look } = remembering(attempt)
  const again: Effect.Effect<void, ProcessError.ProcessError, R> = Effect.suspend(() =>
    Effect.catch(
      look,
      (why) => typeof why === "string" ? Effect.andThen(Effect.sleep(interval), again) : Effect.fail(why)
    )
  )
  const onceMore = (exit: Outcome.Exit) =>
    Effect.mapError(look, (why) => typeof why === "string" ? new Hopeless(exit) : why)
  return {
    last,
    until: Effect.flatMap(
      Effect.suspend(() =>
        subject.isRunning() ? Effect.raceFirst(Effect.as(again, undefined), subject.exit) : subject.exit
      ),
      (exit) => exit === undefined ? Effect.void : onceMore(exit)
    )
  }
}

const attemptOf = (
  { cwd, probes }: Subject,
  { attempt, look, what }: Rules.Probe
): Effect.Effect<void, string | ProcessError.ProcessError> =>
  probes === undefined
    ? Effect.fail(ProcessError.make(
      new ProcessError.Unsupported({
        feature: `waiting for ${what}`,
        mechanism: undefined,
        detail: "the runner's backend cannot look for it"
      })
    ))
    : Effect.timeoutOrElse(look(probes, cwd), {
      duration: attempt ?? connecting,
      orElse: () => Effect.fail(`no answer from ${what} within ${Duration.format(attempt ?? connecting)}`)
    })

const all = <R>(waits: ReadonlyArray<Wait<unknown, R>>): Wait<unknown, R> => {
  const left = new Set(waits)
  return {
    last: () => [...left][0]?.last() ?? "",
    until: Effect.forEach(
      waits,
      (wait) => Effect.tap(wait.until, () => Effect.sync(() => left.delete(wait))),
      { concurrency: "unbounded", discard: true }
    )
  }
}

/** The first that holds; only when none can hold any more there is nothing to wait for. */
const any = <R>(waits: ReadonlyArray<Wait<unknown, R>>): Wait<unknown, R> => ({
  last: () => waits.map((wait) => wait.last()).join("; "),
  until: Effect.suspend(() => {
    let hopeful = waits.length
    return Effect.raceAllFirst(
      waits.map(({ until }) =>
        Effect.catch(until, (error) => error instanceof Hopeless && --hopeful > 0 ? Effect.never : Effect.fail(error))
      )
    )
  })
})
