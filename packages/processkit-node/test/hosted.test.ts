import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as os from "node:os"
import * as Outcome from "processkit/Outcome"
import * as ProcessError from "processkit/ProcessError"
import type { HostChild } from "../src/internal/host/hostAnswers.ts"
import * as HostedChild from "../src/internal/hosted/hostedChild.ts"
import * as HostedStart from "../src/internal/hosted/hostedStart.ts"
import * as MonitoredTree from "../src/internal/subreaper/monitoredTree.ts"
import { request } from "./world.ts"

describe("an exit as the host reports it", () => {
  it("has the code of the second byte", () => {
    for (let code = 0; code < 256; code++) assert.deepEqual(HostedChild.exitOf(code << 8), Outcome.exited(code))
  })

  it("has the signal of the low bits, by the name that it is known by first, and says whether there was a core", () => {
    for (const name of ["SIGHUP", "SIGKILL", "SIGTERM", "SIGSEGV", "SIGABRT", "SIGPOLL", "SIGSYS"] as const) {
      const number = name === "SIGPOLL" ? os.constants.signals.SIGIO : os.constants.signals[name]
      const exit = HostedChild.exitOf(number)
      assert.deepInclude(exit, { _tag: "Signaled", number, coreDumped: false })
      if (name !== "SIGPOLL") assert.deepInclude(exit, { signal: name })
      assert.deepInclude(HostedChild.exitOf(number | 0x80), { number, coreDumped: true })
    }
  })

  it("names real-time signals by their distance from the first", () => {
    for (let number = 34; number <= 64; number++) {
      assert.deepInclude(HostedChild.exitOf(number), { signal: `SIGRTMIN+${number - 34}`, number })
    }
  })
})

describe("a start that the host refused", () => {
  const asked = request("tool", ["a"], {
    cwd: "/somewhere",
    stdout: { _tag: "File", path: "/out", append: false }
  })
  const reason = (failure: Parameters<typeof HostedStart.reasonOf>[0]) =>
    HostedStart.reasonOf(failure, asked, { A: "1" })
  const failed = (stage: "directory" | "stream" | "exec" | "fork" | "pipe" | "container" | "uid", errno: string) =>
    reason({ _tag: "StartFailed", stage, errno })

  it("names the directory, the stream or the program that was in the way", () => {
    assert.deepInclude(failed("directory", "ENOENT"), { _tag: "InvalidCwd", cwd: "/somewhere", errno: "ENOENT" })
    assert.deepInclude(failed("stream", "EACCES"), {
      _tag: "IoFailed",
      operation: "opening the file for standard output",
      errno: "EACCES"
    })
    assert.strictEqual(failed("exec", "EACCES")._tag, "PermissionDenied")
    assert.strictEqual(failed("exec", "E2BIG")._tag, "ArgumentListTooLong")
    for (const stage of ["fork", "pipe"] as const) {
      assert.deepInclude(failed(stage, stage === "fork" ? "EAGAIN" : "EMFILE"), { _tag: "ResourceExhausted" })
    }
    // A host without a descriptor for the cgroup was a start that no retry repeats.
    for (const stage of ["container", "stream", "directory"] as const) {
      assert.deepInclude(failed(stage, "EMFILE"), { _tag: "ResourceExhausted", errno: "EMFILE" })
    }
    assert.deepInclude(failed("container", "EPERM"), { _tag: "SpawnFailed", errno: "EPERM" })
    assert.deepInclude(failed("uid", "EPERM"), { _tag: "PermissionDenied", errno: "EPERM", option: "uid" })
  })

  it("tells what cannot be sent at all: too much, or a NUL", () => {
    assert.deepInclude(reason({ _tag: "NotEncodable", field: "arguments", problem: "is too long" }), {
      _tag: "ArgumentListTooLong"
    })
    assert.deepInclude(reason({ _tag: "NotEncodable", field: "argument 1", problem: "holds a NUL byte" }), {
      _tag: "InvalidInput",
      field: "argument 1"
    })
  })
})

const lost = Effect.fail(ProcessError.make(new ProcessError.HostLost({ program: undefined, detail: "for the test" })))

/** A child of a host that answers nothing any more. */
const unreachable: HostChild = {
  id: 1,
  pid: 4321,
  pipes: [undefined, undefined, undefined],
  relays: [undefined, undefined],
  onExit: () => {},
  onEmptied: () => {},
  onStopped: () => {},
  isHostLost: () => true,
  signal: () => lost,
  act: () => lost,
  members: lost
}

/** A signal that the host has answered like that. */
const answered = (errno: string | undefined) => {
  const child = { ...unreachable, signal: () => Effect.succeed({ errno, count: 0 }) }
  return Effect.result(HostedChild.parts(child, "tool", new Set()).signalLeader("SIGTERM"))
}

describe("a signal to a child of the host", () => {
  it.effect("that was not sent is a failure, but for one that is gone", () =>
    Effect.gen(function*() {
      for (const errno of [undefined, "ESRCH"]) assert.isTrue(Result.isSuccess(yield* answered(errno)))
      for (const errno of ["EPERM", "EAGAIN"]) {
        const result = yield* answered(errno)
        assert.deepInclude(Result.isFailure(result) && result.failure.reason, {
          _tag: "IoFailed",
          program: "tool",
          errno
        })
      }
    }))
})

describe("a tree behind monitors", () => {
  // They were taken for gone, and a stop of a tree that nobody could reach reported no survivors.
  it.effect("counts the programs among its survivors where the members cannot be listed", () =>
    Effect.gen(function*() {
      const tree = MonitoredTree.make(() => [{ child: unreachable, wakers: new Set() }])
      assert.deepEqual(yield* tree.awaitEmpty(Duration.zero), [4321])
      assert.deepEqual(yield* MonitoredTree.make(() => []).awaitEmpty(Duration.zero), [])
    }))
})
