/**
 * The ways to take the output of a run while it flows. Each stream can be taken once, in whichever way.
 */
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as Stream from "effect/Stream"
import * as ProcessError from "../ProcessError.ts"
import * as ProcessEvent from "../ProcessEvent.ts"
import type * as RunningProcess from "../RunningProcess.ts"
import type * as Face from "./face.ts"
import type { Pump } from "./pump.ts"
import type { Run } from "./run.ts"
import * as Subscription from "./subscription.ts"

type Output<A> = Stream.Stream<A, ProcessError.ProcessError>

type Name = "stdout" | "stderr"

type Views = Pick<
  Face.Makers<Run>,
  "stdoutLines" | "stderrLines" | "stdoutChunks" | "stderrChunks" | "events" | "all" | "counters"
>

/** How each way is made of a run, once somebody wants it. */
export const makers: Views = {
  stdoutLines: (run) => lines(run, "stdout"),
  stderrLines: (run) => lines(run, "stderr"),
  stdoutChunks: (run) => chunks(run, "stdout"),
  stderrChunks: (run) => chunks(run, "stderr"),
  events: (run) => events(run),
  all: (run) => both(run, identity),
  counters: (run) => Effect.sync(() => ({ stdout: counters(run.stdout), stderr: counters(run.stderr) }))
}

const lines = (run: Run, name: Name): Output<string> =>
  single(run, name, (pump) => {
    pump.isTaken = true
    return Subscription.stream(() => [Subscription.lines(pump, identity)], failed(run))
  })

const chunks = (run: Run, name: Name): Output<Uint8Array> =>
  single(run, name, (pump) => {
    if (!pump.retention.hasBytes) return refused(run, "the buffer", "keeps lines or text, and no bytes to give")
    pump.isTaken = true
    return Subscription.stream(() => [Subscription.chunks(pump)], failed(run))
  })

const eventOf = { stdout: ProcessEvent.stdout, stderr: ProcessEvent.stderr }

/** `Started` is the first thing that waits, so that nothing the program printed comes before it. */
const events = (run: Run): Output<ProcessEvent.ProcessEvent> =>
  Subscription.endingWith(
    both<ProcessEvent.ProcessEvent>(run, (lines, name) => lines.map((line) => eventOf[name](line)), [
      ProcessEvent.started(run.child.pid)
    ]),
    Effect.map(run.outcome, (outcome) => [ProcessEvent.exited(outcome)])
  )

const single = <A>(run: Run, name: Name, take: (pump: Pump) => Output<A>): Output<A> =>
  Stream.suspend(() => {
    const pump = run[name]
    if (pump === undefined) return notAPipe(run, name)
    return pump.isTaken ? alreadyConsumed(run, name) : take(pump)
  })

/** Takes both streams for one, or neither where one of them was taken. Standard error may go elsewhere. */
const both = <A>(
  run: Run,
  item: (lines: ReadonlyArray<string>, name: Name) => ReadonlyArray<A>,
  first: ReadonlyArray<A> = []
): Output<A> =>
  Stream.suspend(() => {
    const { stderr, stdout } = run
    if (stdout === undefined) return notAPipe(run, "stdout")
    const pumps = stderr === undefined ? [stdout] : [stdout, stderr]
    const consumed = pumps.find((pump) => pump.isTaken)
    if (consumed !== undefined) return alreadyConsumed(run, nameOf(run, consumed))
    for (const pump of pumps) pump.isTaken = true
    return Subscription.stream(
      () => pumps.map((pump) => Subscription.lines(pump, (lines) => item(lines, nameOf(run, pump)))),
      failed(run),
      first
    )
  })

const counters = (pump: Pump | undefined): RunningProcess.Counter =>
  pump === undefined
    ? { bytes: 0, lines: 0, dropped: 0 }
    : { bytes: pump.bytesSeen, lines: pump.retention.lines, dropped: pump.retention.droppedCount }

const nameOf = (run: Run, pump: Pump): Name => pump === run.stdout ? "stdout" : "stderr"

const failed = (run: Run) => (pump: Pump, errno: string): ProcessError.ProcessError =>
  ProcessError.make(
    new ProcessError.IoFailed({ program: run.program, operation: `reading ${nameOf(run, pump)}`, errno })
  )

const alreadyConsumed = ({ program }: Run, stream: Name): Output<never> =>
  Stream.fail(ProcessError.make(new ProcessError.AlreadyConsumed({ program, stream })))

const notAPipe = (run: Run, name: Name): Output<never> => refused(run, name, "is not a pipe and cannot be read")

const refused = ({ program }: Run, field: string, problem: string): Output<never> =>
  Stream.fail(ProcessError.make(new ProcessError.InvalidInput({ program, field, problem })))
