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
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Command from "../Command.ts"
import * as ScriptedBackend from "../internal/scriptedBackend.ts"
import * as Rules from "../internal/scriptedRules.ts"
import * as ProcessBackend from "../ProcessBackend.ts"
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
  readonly match: Match
  readonly isFallback: boolean
  readonly answers: Replies
}

/**
 * What a rule looks at: how a command line begins, the whole of it, or anything about a command.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type Match =
  | { readonly _tag: "Prefix"; readonly words: ReadonlyArray<string> }
  | { readonly _tag: "Exact"; readonly words: ReadonlyArray<string> }
  | { readonly _tag: "When"; readonly predicate: (command: Command.Command) => boolean }

/**
 * One reply for each start, the last one from then on.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type Replies = readonly [Reply.Reply, ...Array<Reply.Reply>]

/**
 * Answers every command whose program and arguments begin with these.
 *
 * **Details**
 *
 * Elements are compared whole: `["git", "log"]` fits `git log -n 5` and not `git logs`. With several replies each
 * matching start gets the next one, and the last one repeats. Secrets are compared by what they hide.
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
export const on = (prefix: ReadonlyArray<string>, ...replies: Replies): Rule => ({
  match: { _tag: "Prefix", words: [...prefix] },
  isFallback: false,
  answers: replies
})

/**
 * Answers the command with this program and these arguments, and no others.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const onExactly = (line: readonly [string, ...Array<string>], ...replies: Replies): Rule => ({
  match: { _tag: "Exact", words: [...line] },
  isFallback: false,
  answers: replies
})

/**
 * Answers every command for which a predicate holds.
 *
 * **Gotchas**
 *
 * A predicate that throws is a defect of the test, and dies as one.
 *
 * **Example** (Answering by working directory)
 *
 * ```ts
 * import { Reply, ScriptedRunner } from "processkit/testing"
 *
 * ScriptedRunner.when((command) => command.options.cwd === "/repo", Reply.ok("main\n")).isFallback // => false
 * ```
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const when = (predicate: (command: Command.Command) => boolean, ...replies: Replies): Rule => ({
  match: { _tag: "When", predicate },
  isFallback: false,
  answers: replies
})

/**
 * Answers every command that no other rule fits, wherever it stands in the list.
 *
 * @stability experimental
 * @category constructors
 * @since 0.1.0
 */
export const fallback = (...replies: Replies): Rule => ({
  match: { _tag: "Prefix", words: [] },
  isFallback: true,
  answers: replies
})

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
 * Provides a runner made from rules, anew each time the layer is built, and the backend below it.
 *
 * @stability experimental
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  ...rules: ReadonlyArray<Rule>
): Layer.Layer<ProcessRunner.ProcessRunner | ProcessBackend.ProcessBackend> =>
  Layer.effectContext(
    Effect.suspend(() => {
      const { backend, runner, warnings } = scripted(rules)
      const context = Context.make(ProcessRunner.ProcessRunner, runner)
      return Effect.as(warnings, Context.add(context, ProcessBackend.ProcessBackend, backend))
    })
  )

// -----------------------------------------------------------------------------

const scripted = (rules: ReadonlyArray<Rule>): {
  readonly backend: ProcessBackend.ProcessBackend["Service"]
  readonly runner: ProcessRunner.ProcessRunner["Service"]
  readonly warnings: Effect.Effect<void>
} => {
  const warnings = Library.warnings(rules)
  const { service } = ScriptedBackend.make(Library.make(new Rules.RuleBook(rules)))
  const backend = {
    ...service,
    open: Effect.andThen(warnings, service.open),
    outside: service.outside && Effect.andThen(warnings, service.outside)
  }
  return { backend, runner: ProcessRunner.fromBackend(backend), warnings }
}
