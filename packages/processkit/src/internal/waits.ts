/** The waits of a {@link Run}, each of them a readiness that is waited for. */
import * as Effect from "effect/Effect"
import * as Readiness from "../Readiness.ts"
import type * as RunningProcess from "../RunningProcess.ts"
import type * as Face from "./face.ts"
import * as Waiting from "./readiness.ts"
import type { Run } from "./run.ts"

type Makers = Pick<Face.Makers<Run>, keyof RunningProcess.Waits>

const subjectOf = (run: Run): Waiting.Subject => ({
  program: run.program,
  cwd: run.prepared.request.cwd,
  stdout: run.stdout,
  stderr: run.stderr,
  isRunning: () => run.isRunning,
  get exit() {
    return run.exit
  },
  get outputEnded() {
    return Effect.ignore(run.outcome)
  },
  sleep: run.outside.sleep,
  probes: run.outside.probes
})

/** Waits for the next text of one stream. */
const forLine = (run: Run, stream: "stdout" | "stderr"): RunningProcess.Waits["waitForLine"] => (pattern, options) =>
  Waiting.waitForText(subjectOf(run), { _tag: "Line", pattern, options: { stream } }, options)

/** How each wait is made of a run, once somebody wants it. */
export const makers: Makers = {
  waitForLine: (run) => forLine(run, "stdout"),
  waitForStderrLine: (run) => forLine(run, "stderr"),
  waitForOutput: (run) => (pattern, options = {}) =>
    Waiting.waitForText(subjectOf(run), { _tag: "Output", pattern, options }, options),
  waitForPort: (run) => (port, options) => Waiting.wait(subjectOf(run), Readiness.port(port, options), options),
  waitForSocket: (run) => (path, options) => Waiting.wait(subjectOf(run), Readiness.socket(path), options),
  waitForPath: (run) => (path, options) => Waiting.wait(subjectOf(run), Readiness.path(path), options),
  waitForHttp: (run) => (url, options) => Waiting.wait(subjectOf(run), Readiness.http(url, options), options),
  waitFor: (run) => (condition, options) =>
    Waiting.wait(
      subjectOf(run),
      Readiness.isReadiness(condition) ? condition : Readiness.effect(condition),
      options
    )
}
