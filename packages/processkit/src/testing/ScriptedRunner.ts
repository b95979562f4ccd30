/**
 * A runner that starts nothing: every command gets the reply that a rule has for it.
 *
 * The double sits below the run engine and feeds it bytes, exits and silence. Everything above is the real thing:
 * decoding, buffers, deadlines, cancellation, the stop ladder and every error, driven by `TestClock` where time passes.
 *
 * **Details**
 *
 * Rules are tried in the order in which they are given, fallbacks last, and the first that fits answers. A command that
 * none fits fails with `Unscripted`. A rule that an earlier one hides is reported by a warning in the log.
 *
 * **Gotchas**
 *
 * - A scripted process has no `pid`. Ids that a group lists are made up, and no system gives them out.
 * - Nothing is ever sent to a real process, and time spent in a grace is none: a program that does not end at a signal
 *   is killed at once.
 *
 * **Example** (Testing a function that calls git)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Command from "processkit/Command"
 * import { Reply, ScriptedRunner } from "processkit/testing"
 *
 * const branch = Command.run(Command.make`git branch --show-current`)
 *
 * const git = ScriptedRunner.layer(
 *   ScriptedRunner.on(["git", "branch"], Reply.ok("main\n")),
 *   ScriptedRunner.fallback(Reply.fail(1, "unexpected"))
 * )
 *
 * Effect.runPromise(Effect.provide(branch, git)) // => "main"
 * ```
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ScriptedBackend from "../internal/scriptedBackend.ts"
import * as Rules from "../internal/scriptedRules.ts"
import * as ProcessRunner from "../ProcessRunner.ts"
import * as Library from "./internal/library.ts"
import type * as Reply from "./Reply.ts"

/**
 * Which commands a rule is for, and what they get.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface Rule {
  readonly prefix: ReadonlyArray<string>
  readonly isFallback: boolean
  readonly answers: readonly [Reply.Reply, ...Array<Reply.Reply>]
}

/**
 * Answers every command whose program and arguments begin with these.
 *
 * **Details**
 *
 * Elements are compared whole: `["git", "log"]` fits `git log -n 5` and not `git logs`. With several replies each
 * matching start gets the next one, and the last one repeats.
 *
 * **Example** (Failing once, then working)
 *
 * ```ts
 * import { Reply, ScriptedRunner } from "processkit/testing"
 *
 * ScriptedRunner.on(["git", "push"], Reply.fail(128, "remote hung up"), Reply.ok("done")).answers.length // => 2
 * ```
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const on = (
  prefix: ReadonlyArray<string>,
  ...replies: readonly [Reply.Reply, ...Array<Reply.Reply>]
): Rule => ({ prefix: [...prefix], isFallback: false, answers: replies })

/**
 * Answers every command that no other rule fits.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const fallback = (reply: Reply.Reply): Rule => ({ prefix: [], isFallback: true, answers: [reply] })

/**
 * Makes a runner from rules.
 *
 * **Details**
 *
 * The runner remembers how often each rule has answered. Warnings about rules come with the first start.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const make = (...rules: ReadonlyArray<Rule>): ProcessRunner.ProcessRunner["Service"] => scripted(rules).runner

/**
 * Provides a runner made from rules, anew each time the layer is built.
 *
 * @stability experimental
 * @category layers
 * @since 0.1.0
 */
export const layer = (...rules: ReadonlyArray<Rule>): Layer.Layer<ProcessRunner.ProcessRunner> =>
  Layer.effect(
    ProcessRunner.ProcessRunner,
    Effect.suspend(() => {
      const { runner, warnings } = scripted(rules)
      return Effect.as(warnings, runner)
    })
  )

// -----------------------------------------------------------------------------

const scripted = (rules: ReadonlyArray<Rule>): {
  readonly runner: ProcessRunner.ProcessRunner["Service"]
  readonly warnings: Effect.Effect<void>
} => {
  const warnings = Library.warnings(rules)
  const { service } = ScriptedBackend.make(Library.make(new Rules.RuleBook(rules)))
  const runner = ProcessRunner.fromBackend({ ...service, open: Effect.andThen(warnings, service.open) })
  return { runner: ProcessRunner.mapStart(runner, Library.withCommand), warnings }
}
