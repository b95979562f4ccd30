/** What the soak runs: every way in which a program comes and goes, in turn, and what each of them must end with. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Command from "processkit/Command"
import type { ProcessError } from "processkit/ProcessError"
import * as ProcessGroup from "processkit/ProcessGroup"
import type { ProcessRunner } from "processkit/ProcessRunner"

type Turn = Effect.Effect<string, ProcessError, ProcessRunner>

const sh = (script: string, options: Command.Options = {}): Command.Command =>
  Command.make("/bin/sh", ["-c", script], options)

const reasonOf = (turn: Effect.Effect<unknown, ProcessError, ProcessRunner>): Turn =>
  Effect.match(turn, { onSuccess: () => "success", onFailure: (error) => error.reason._tag })

const grouped = Effect.scoped(Effect.gen(function*() {
  const group = yield* ProcessGroup.makeWith({ stop: { grace: 0 } })
  yield* group.start(sh("sleep 600 & sleep 600"))
  const talker = yield* group.start(sh("echo here; sleep 600"))
  const [line] = yield* Stream.runCollect(Stream.take(talker.stdoutLines, 1))
  return line ?? ""
}))

/** A turn, and its answer. */
export const turns: ReadonlyArray<readonly [Turn, answer: string]> = [
  [Effect.as(Command.runUnit(Command.make("/bin/true")), "done"), "done"],
  [Command.run(Command.make("/bin/echo", ["text"])), "text"],
  [Command.run(Command.make("/bin/cat", { stdin: "input" })), "input"],
  [Effect.map(Command.exitCode(sh("exit 7")), String), "7"],
  // It leaves a daemon behind that has to be found and killed.
  [Command.run(sh("(setsid sleep 600 >/dev/null 2>&1 &) ; echo left")), "left"],
  [reasonOf(Command.run(Command.make("no-such-program-here"))), "NotFound"],
  [reasonOf(Command.run(sh("sleep 600", { timeout: "50 millis", stop: { grace: 0 } }))), "TimedOut"],
  [Effect.as(Effect.timeoutOption(Command.run(sh("sleep 600", { stop: { grace: 0 } })), "20 millis"), "cut"), "cut"],
  [Effect.map(Command.run(sh("seq 1 20000")), (text) => String(text.length)), "108893"],
  [Command.run(sh("umask; nice", { umask: 0o27, priority: 15, rlimits: { nofile: 64 } })), "0027\n15"],
  [grouped, "here"]
]
