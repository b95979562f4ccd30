/** Turns replies into programs that a scripted backend runs. */
import * as Effect from "effect/Effect"
import * as Command from "../../Command.ts"
import * as Origin from "../../internal/origin.ts"
import type * as ScriptedBackend from "../../internal/scriptedBackend.ts"
import * as Rules from "../../internal/scriptedRules.ts"
import type * as ProcessBackend from "../../ProcessBackend.ts"
import * as ProcessError from "../../ProcessError.ts"
import type * as Reply from "../Reply.ts"
import { programOf } from "./replyProgram.ts"

export type Rule = Rules.Rule<Command.Command, Reply.Reply>

export type RuleBook = Rules.RuleBook<Command.Command, Reply.Reply>

/** One warning for each rule that can never answer, the first time this is run. Rules are named without arguments. */
export const warnings = (rules: ReadonlyArray<Rule>): Effect.Effect<void> => {
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

export const make = (book: RuleBook): ScriptedBackend.Library => ({
  program: (request) =>
    Effect.flatMap(
      Effect.sync(() => book.take(questionOf(request))),
      (reply) =>
        Effect.map(
          startable(request, reply),
          (reply) => programOf(reply, Origin.of(request)?.options.stdin === "pipe")
        )
    ),
  resolve: (request) =>
    Effect.flatMap(
      Effect.sync(() => book.peek(questionOf(request))),
      (reply) => Effect.as(startable(request, reply), request.program)
    )
})

/** A request made by hand has no command; one that says as much of it as rules look at takes its place. */
const questionOf = (request: ProcessBackend.SpawnRequest): Rules.Question<Command.Command> => {
  const { args, cwd, program } = request
  const call = Origin.of(request) ?? Command.make(program, args, cwd === undefined ? {} : { cwd })
  return { line: [program, ...args], call }
}

/** The reply, unless it says that its program cannot be started, or there is no reply at all. */
const startable = (
  { args, program }: ProcessBackend.SpawnRequest,
  reply: Reply.Reply | undefined
): Effect.Effect<Reply.Reply, ProcessError.ProcessError> => {
  if (reply === undefined) {
    return Effect.fail(ProcessError.make(new ProcessError.Unscripted({ program, argumentCount: args.length })))
  }
  switch (reply.ending._tag) {
    case "NotFound":
      return Effect.fail(ProcessError.make(missing(program)))
    case "Fails":
      return Effect.fail(ProcessError.make(refused(program, reply.ending.errno)))
    default:
      return Effect.succeed(reply)
  }
}

/** A program that is not there: a name was looked up on a PATH that nobody has, a path was not. */
export const missing = (program: string): ProcessError.Reason =>
  new ProcessError.NotFound({ program, searched: /[/\\]/.test(program) ? undefined : [] })

/** The reason that real backends give for an errno. */
const refused = (program: string, errno: string): ProcessError.Reason =>
  errno === "ENOENT" ? missing(program) : ProcessError.fromErrno(program, errno)
