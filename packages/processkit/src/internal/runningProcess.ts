/** The public face of a {@link Run}. */
import * as Effect from "effect/Effect"
import type * as ProcessBackend from "../ProcessBackend.ts"
import * as ProcessError from "../ProcessError.ts"
import type * as RunningProcess from "../RunningProcess.ts"
import * as Face from "./face.ts"
import * as InputRules from "./inputRules.ts"
import * as OutputViews from "./outputViews.ts"
import type { Run } from "./run.ts"
import * as Sampler from "./sampler.ts"
import * as Stats from "./stats.ts"
import * as Waits from "./waits.ts"

type Running = RunningProcess.RunningProcess

const stats = (run: Run): Running["stats"] =>
  Effect.map(Stats.ofTree(run.child), (live) => Stats.withUsage(live, run.usage))

const signal = (run: Run): Running["signal"] => (signal) =>
  Effect.flatMap(
    Effect.fromResult(InputRules.checked(run.program, () => InputRules.signal(signal))),
    (signal) => run.isRunning ? run.child.signalLeader(signal) : Effect.void
  )

const kill = (run: Run): Running["kill"] =>
  Effect.flatMap(
    run.stop({ signal: "SIGKILL", grace: run.prepared.stop.grace }),
    ({ survivors }) =>
      survivors.length === 0
        ? Effect.void
        : Effect.fail(
          ProcessError.make(new ProcessError.TeardownIncomplete({ program: run.program, pids: survivors }))
        )
  )

const stop = (run: Run): Running["stop"] => (policy) =>
  Effect.flatMap(
    Effect.fromResult(InputRules.checked(run.program, () => InputRules.stopPolicy(policy, run.prepared.stop))),
    (stop) => run.stop(stop)
  )

const profile = (run: Run): Running["profile"] => (every) =>
  Sampler.profile({ stats: stats(run), outcome: run.outcome, duration: Effect.sync(() => run.duration) }, every)

export const fromRun: (run: Run) => Running = Face.fromMakers<Run>({
  program: ({ program }) => program,
  pid: ({ child }) => child.pid,
  startedAt: ({ startedAt }) => startedAt,
  stdin: (run) => writer(run),
  ...OutputViews.makers,
  exit: ({ exit }) => exit,
  outcome: ({ outcome }) => outcome,
  result: (run) => run.result((kept) => kept.text(), "", false),
  resultBytes: (run) => run.result((kept) => kept.bytes(), nothing, true),
  isRunning: (run) => Effect.sync(() => run.isRunning),
  signal,
  kill,
  stop,
  stats,
  profile,
  ...Waits.makers
})

const encoder = new TextEncoder()

const nothing = new Uint8Array(0)

/** A writer remembers whether it is open, so there is one for each run. */
const writers = new WeakMap<Run, RunningProcess.Writer>()

const writer = (run: Run): RunningProcess.Writer => {
  const known = writers.get(run)
  if (known !== undefined) return known
  const { child: { stdin }, prepared: { payload }, program } = run
  const made = writerTo(program, payload._tag === "Interactive" ? stdin : undefined)
  writers.set(run, made)
  return made
}

const writerTo = (
  program: string,
  interactive: ProcessBackend.ByteSink | undefined
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
    // Of an input that is fed, only the feed knows the end.
    end: Effect.sync(() => interactive?.end()),
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
