/** The public face of a {@link Run}. */
import * as Effect from "effect/Effect"
import type * as ProcessBackend from "../ProcessBackend.ts"
import * as ProcessError from "../ProcessError.ts"
import * as RunningProcess from "../RunningProcess.ts"
import * as InputRules from "./inputRules.ts"
import * as OutputViews from "./outputViews.ts"
import type { Run } from "./run.ts"
import * as Sampler from "./sampler.ts"
import * as Stats from "./stats.ts"
import * as Waits from "./waits.ts"

export const fromRun = (run: Run): RunningProcess.RunningProcess => {
  const { child, prepared, program } = run
  const stats = Effect.map(Stats.ofTree(child), (live) => Stats.withUsage(live, run.usage))
  return RunningProcess.make({
    program,
    pid: child.pid,
    startedAt: run.startedAt,
    stdin: writer(program, prepared.payload._tag === "Interactive" ? child.stdin : undefined, child.stdin),
    ...OutputViews.fromRun(run),
    exit: run.exit,
    outcome: run.outcome,
    result: run.result((kept) => kept.text(), "", false),
    resultBytes: run.result((kept) => kept.bytes(), nothing, true),
    isRunning: Effect.sync(() => run.isRunning),
    signal: (signal) =>
      Effect.flatMap(
        Effect.fromResult(InputRules.checked(program, () => InputRules.signal(signal))),
        (signal) => run.isRunning ? child.signalLeader(signal) : Effect.void
      ),
    kill: Effect.flatMap(
      run.stop({ signal: "SIGKILL", grace: prepared.stop.grace }),
      ({ survivors }) =>
        survivors.length === 0
          ? Effect.void
          : Effect.fail(ProcessError.make(new ProcessError.TeardownIncomplete({ program, pids: survivors })))
    ),
    stop: (policy) =>
      Effect.flatMap(
        Effect.fromResult(InputRules.checked(program, () => InputRules.stopPolicy(policy, prepared.stop))),
        (stop) => run.stop(stop)
      ),
    stats,
    profile: (every) =>
      Sampler.profile({ stats, outcome: run.outcome, duration: Effect.sync(() => run.duration) }, every),
    ...Waits.make(run)
  })
}

const encoder = new TextEncoder()

const nothing = new Uint8Array(0)

const writer = (
  program: string,
  interactive: ProcessBackend.ByteSink | undefined,
  sink: ProcessBackend.ByteSink | undefined
): RunningProcess.Writer => {
  let isOpen = interactive !== undefined
  const write = (data: string | Uint8Array): Effect.Effect<void, ProcessError.ProcessError> => {
    if (interactive === undefined) return notInteractive
    return Effect.callback<void, ProcessError.ProcessError>((resume) => {
      interactive.write(typeof data === "string" ? encoder.encode(data) : data, (errno) => {
        if (errno !== undefined) isOpen = false
        resume(errno === undefined || errno === "closed" ? Effect.void : Effect.fail(writeFailed(program, errno)))
      })
    })
  }
  return {
    write,
    writeLine: (line) => write(`${line}\n`),
    flush: Effect.suspend(() => write(nothing)),
    end: Effect.sync(() => sink?.end()),
    isOpen: Effect.sync(() => isOpen)
  }
}

/** Made when somebody writes: errors capture a stack, and most runs have a writer that nobody uses. */
const notInteractive: Effect.Effect<never, ProcessError.ProcessError> = Effect.suspend(() =>
  Effect.fail(ProcessError.make(
    new ProcessError.Unsupported({
      feature: "writing to standard input",
      mechanism: undefined,
      detail: "the command's stdin is not \"pipe\""
    })
  ))
)

const writeFailed = (program: string, errno: string): ProcessError.ProcessError =>
  ProcessError.make(new ProcessError.IoFailed({ program, operation: "writing stdin", errno }))
