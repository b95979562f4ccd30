/** The waits of a {@link Run}, each of them a readiness that is waited for. */
import * as Effect from "effect/Effect"
import * as Readiness from "../Readiness.ts"
import type * as RunningProcess from "../RunningProcess.ts"
import * as Waiting from "./readiness.ts"
import type { Run } from "./run.ts"

export const make = (run: Run): RunningProcess.Waits => {
  const subject: Waiting.Subject = {
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
  }
  return {
    waitForLine: (pattern, options) =>
      Waiting.waitForText(subject, { _tag: "Line", pattern, options: { stream: "stdout" } }, options),
    waitForStderrLine: (pattern, options) =>
      Waiting.waitForText(subject, { _tag: "Line", pattern, options: { stream: "stderr" } }, options),
    waitForOutput: (pattern, options = {}) =>
      Waiting.waitForText(subject, { _tag: "Output", pattern, options }, options),
    waitForPort: (port, options) => Waiting.wait(subject, Readiness.port(port, options), options),
    waitForSocket: (path, options) => Waiting.wait(subject, Readiness.socket(path), options),
    waitForPath: (path, options) => Waiting.wait(subject, Readiness.path(path), options),
    waitForHttp: (url, options) => Waiting.wait(subject, Readiness.http(url, options), options),
    waitFor: (condition, options) =>
      Waiting.wait(subject, Readiness.isReadiness(condition) ? condition : Readiness.effect(condition), options)
  }
}
