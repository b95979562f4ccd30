/** Turns replies into programs that a scripted backend runs. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Command from "../../Command.ts"
import type * as ScriptedBackend from "../../internal/scriptedBackend.ts"
import type { Io, Program } from "../../internal/scriptedProcess.ts"
import * as Rules from "../../internal/scriptedRules.ts"
import type * as Outcome from "../../Outcome.ts"
import type * as ProcessBackend from "../../ProcessBackend.ts"
import * as ProcessError from "../../ProcessError.ts"
import type * as ProcessRunner from "../../ProcessRunner.ts"
import type * as Reply from "../Reply.ts"

/** The command that a start is for; below the engine there are only bytes. */
class Started extends Context.Reference<Command.Command | undefined>("processkit/testing/Started", {
  defaultValue: () => undefined
}) {}

/** Lets the backend see the command of a start. */
export const withCommand: ProcessRunner.Decorator = (start, command) => Effect.provideService(start, Started, command)

/** One warning for each rule that can never answer, the first time this is run. Rules are named without arguments. */
export const warnings = (rules: ReadonlyArray<Rules.Rule<Reply.Reply>>): Effect.Effect<void> => {
  let todo = Rules.unreachable(rules)
  return Effect.suspend(() => {
    const found = todo
    todo = []
    return Effect.forEach(
      found,
      ({ by, rule }) =>
        Effect.logWarning(`rule ${rule} of a scripted runner can never answer: rule ${by} covers it and comes first`),
      {
        discard: true
      }
    )
  })
}

export const make = (book: Rules.RuleBook<Reply.Reply>): ScriptedBackend.Library => ({
  program: (request) =>
    Effect.flatMap(
      Effect.sync(() => book.take(lineOf(request))),
      (reply) =>
        Effect.flatMap(installed(request, reply), (reply) =>
          Effect.map(Started, (command) => programOf(reply, command?.options.stdin === "pipe")))
    ),
  resolve: (request) =>
    Effect.flatMap(
      Effect.sync(() => book.peek(lineOf(request))),
      (reply) => Effect.as(installed(request, reply), request.program)
    )
})

const lineOf = ({ args, program }: ProcessBackend.SpawnRequest): ReadonlyArray<string> => [program, ...args]

/** The reply, unless it says that there is no such program, or there is no reply at all. */
const installed = (
  { args, program }: ProcessBackend.SpawnRequest,
  reply: Reply.Reply | undefined
): Effect.Effect<Reply.Reply, ProcessError.ProcessError> => {
  if (reply === undefined) {
    return Effect.fail(ProcessError.make(new ProcessError.Unscripted({ program, argumentCount: args.length })))
  }
  if (reply.ending._tag !== "NotFound") return Effect.succeed(reply)
  const searched = /[/\\]/.test(program) ? undefined : []
  return Effect.fail(ProcessError.make(new ProcessError.NotFound({ program, searched })))
}

const programOf = ({ ending, stderr, stdout }: Reply.Reply, interactive: boolean): Program => ({
  main: (io) =>
    io.write("stdout", stdout).pipe(
      Effect.andThen(io.write("stderr", stderr)),
      Effect.andThen(interactive ? Effect.void : readToEnd(io)),
      Effect.andThen((): Effect.Effect<Outcome.Exit> =>
        ending._tag === "Ends" ? Effect.succeed(ending.exit) : Effect.never
      )
    )
})

/** Reads standard input to its end, so that a source that fails is noticed and one that is recorded is complete. */
const readToEnd = (io: Io): Effect.Effect<void> =>
  Effect.flatMap(io.read, (bytes) => bytes === undefined ? Effect.void : readToEnd(io))
