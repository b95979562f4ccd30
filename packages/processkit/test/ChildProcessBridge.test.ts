import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as PlatformError from "effect/PlatformError"
import * as ChildProcess from "effect/process/ChildProcess"
import * as ChildProcessSpawner from "effect/process/ChildProcessSpawner"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as ChildProcessBridge from "processkit/ChildProcessBridge"
import * as Command from "processkit/Command"
import * as ProcessError from "processkit/ProcessError"
import * as ProcessGroup from "processkit/ProcessGroup"
import type * as ProcessRunner from "processkit/ProcessRunner"
import { Reply, ScriptedRunner } from "processkit/testing"
import { fromProcessError, tagOf } from "../src/internal/platformErrors.ts"
import { alive, Backend, reasonOf, scripted, settle } from "./scripted.ts"

const spawner = ChildProcessSpawner.ChildProcessSpawner

const bridged = <A>(runner: Layer.Layer<A | ProcessRunner.ProcessRunner>) =>
  Layer.provideMerge(ChildProcessBridge.layerSpawner, runner)

describe("the spawner of a scripted runner", () => {
  it.effect("answers by its rules, and starts nothing", () =>
    Effect.gen(function*() {
      const service = yield* spawner
      assert.strictEqual(yield* service.string(ChildProcess.make`git branch`), "main\n")
      assert.deepStrictEqual(yield* service.lines(ChildProcess.make`git branch`), ["main"])
      assert.strictEqual(yield* service.exitCode(ChildProcess.make`git push`), 128)
      const handle = yield* ChildProcess.make`git push`
      assert.isTrue(Number.isNaN(handle.pid))
    }).pipe(Effect.provide(bridged(ScriptedRunner.layer(
      ScriptedRunner.on(["git", "branch"], Reply.ok("main\n")),
      ScriptedRunner.on(["git", "push"], Reply.fail(128, "denied"))
    )))))

  it.effect("passes on what the command says of its process", () =>
    Effect.gen(function*() {
      const command = ChildProcess.make("exitsWith", ["0", Redacted.make("s3cret")], {
        cwd: "/work",
        env: { A: "1", B: undefined },
        stdin: "ignore",
        stdout: "ignore",
        stderr: "inherit"
      })
      yield* (yield* spawner).exitCode(command)
      const [request] = (yield* Backend).spawned.map((spawned) => spawned.request)
      assert.deepInclude(request, {
        program: "exitsWith",
        args: ["0", "s3cret"],
        cwd: "/work",
        env: { base: "empty", set: [["A", "1"], ["B", undefined]] },
        stdin: "null",
        stdout: "null",
        stderr: "inherit"
      })
    }).pipe(Effect.provide(bridged(scripted()))))

  it.effect("starts nothing where an option cannot be honoured", () =>
    Effect.gen(function*() {
      const fd3 = ChildProcess.make("waits", { additionalFds: { fd3: { type: "input" } } })
      const wrong = [
        fd3,
        ChildProcess.make("waits", { detached: false }),
        ChildProcess.make("waits", ["x"], { shell: true }),
        ChildProcess.make("waits", { killSignal: "SIGNOTHING" as never }),
        ChildProcess.make("waits", { additionalFds: { fd3: { type: "sideways" as never } } }),
        ChildProcess.make("waits", { additionalFds: { fd64: { type: "output" } } }),
        ChildProcess.pipeTo(ChildProcess.make("waits"), ChildProcess.make("waits"), { to: "fd64" }),
        ChildProcess.make("waits", {
          additionalFds: Object.fromEntries(
            Array.from({ length: 17 }, (_, i) => [`fd${i + 3}`, { type: "output" } as const])
          )
        })
      ]
      for (const command of wrong) {
        const error = yield* Effect.flip(Effect.scoped(command))
        assert.strictEqual(error.reason._tag, "BadArgument")
      }
      assert.deepStrictEqual([(yield* Backend).spawned.length, yield* alive], [0, []])
    }).pipe(Effect.provide(bridged(scripted()))))

  it.effect("starts nothing with descriptors that its mechanism cannot give, and leaves nothing of a pipeline", () =>
    Effect.gen(function*() {
      const pipeline = ChildProcess.pipeTo(ChildProcess.make("waits"), ChildProcess.make("waits"), { to: "fd3" })
      const error = yield* Effect.flip(Effect.scoped(pipeline))
      assert.strictEqual(error.reason._tag, "BadArgument")
      assert.match(error.message, /a descriptor above the standard ones is not supported by the mechanism scripted/)
      assert.deepStrictEqual([(yield* Backend).spawned.length, yield* alive], [1, []])
    }).pipe(Effect.provide(bridged(scripted()))))

  it.effect("ends every stage of a pipeline with its scope", () =>
    Effect.gen(function*() {
      yield* Effect.scoped(Effect.gen(function*() {
        yield* ChildProcess.make("waits").pipe(ChildProcess.pipeTo(ChildProcess.make("waits")))
        yield* settle()
        assert.strictEqual((yield* alive).length, 2)
      }))
      assert.deepStrictEqual(yield* alive, [])
    }).pipe(Effect.provide(bridged(scripted()))))

  it.effect("stops what an unreferenced child holds when it ends by itself", () =>
    Effect.gen(function*() {
      const handle = yield* Effect.scoped(Effect.tap(ChildProcess.make("echoesStdin"), ({ unref }) => unref))
      yield* settle()
      assert.strictEqual((yield* alive).length, 1)
      yield* Stream.run(Stream.empty, handle.stdin)
      assert.strictEqual(yield* handle.exitCode, 0)
      yield* settle()
      assert.deepStrictEqual(yield* alive, [])
    }).pipe(Effect.provide(bridged(scripted()))))

  it.effect("is interrupted under a clock that nobody moves", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild((yield* spawner).string(ChildProcess.make("ignoresTerm")))
      yield* settle()
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(yield* alive, [])
    }).pipe(Effect.provide(bridged(scripted()))))

  it.effect("starts in a group where it is made from the group's runner", () =>
    Effect.gen(function*() {
      const group = yield* ProcessGroup.make
      const service = ChildProcessBridge.makeSpawner(group.runner)
      yield* service.spawn(ChildProcess.make("waits"))
      assert.strictEqual((yield* group.members).length, 1)
    }).pipe(Effect.provide(scripted())))
})

describe("a command taken from effect/process", () => {
  it.effect("runs with the verbs of this library", () =>
    Effect.gen(function*() {
      const command = Command.fromChildProcess(
        ChildProcess.make("echoesStdin", { stdin: Stream.make(new TextEncoder().encode("fed")) })
      )
      assert.isTrue(Command.isCommand(command))
      assert.strictEqual(yield* Command.run(command), "fed")
      const interactive = Command.fromChildProcess(ChildProcess.make("echoesStdin"))
      assert.strictEqual(yield* Command.run(interactive), "")
    }).pipe(Effect.provide(scripted())))

  it.effect("fails when it runs where it cannot be one of ours", () =>
    Effect.gen(function*() {
      const piped = ChildProcess.make("waits").pipe(ChildProcess.pipeTo(ChildProcess.make("waits")))
      assert.deepInclude(yield* reasonOf(Command.run(Command.fromChildProcess(piped))), {
        _tag: "InvalidInput",
        field: "the command",
        problem: "is a pipeline, and one command is wanted"
      })
    }).pipe(Effect.provide(scripted())))
})

describe("a platform error", () => {
  it("has the tag that fits, our error as its cause, and no argument in its message", () => {
    const reasons = {
      NotFound: new ProcessError.NotFound({ program: "p", searched: undefined }),
      PermissionDenied: new ProcessError.PermissionDenied({ program: "p", errno: "EACCES" }),
      BadResource: new ProcessError.InvalidCwd({ program: "p", cwd: "/f", errno: "ENOTDIR" }),
      TimedOut: new ProcessError.TimedOut({
        program: "p",
        stdout: "",
        stderr: "",
        after: Duration.seconds(1),
        kind: "deadline",
        exit: { _tag: "Exited", code: 1 } as never
      }),
      Unknown: new ProcessError.ResourceExhausted({ program: "p", errno: "EMFILE" })
    }
    for (const [tag, reason] of Object.entries(reasons)) {
      const error = fromProcessError("spawn")(ProcessError.make(reason))
      assert.deepStrictEqual([error.reason._tag, tagOf(reason)], [tag, tag] as never)
      assert.isTrue(PlatformError.isPlatformError(error) && ProcessError.isProcessError(error.reason.cause))
    }
    const refused = new ProcessError.InvalidInput({
      program: "p",
      field: "argument 1",
      problem: "contains a NUL character"
    })
    assert.strictEqual(
      fromProcessError("spawn")(ProcessError.make(refused)).message,
      "ChildProcess.spawn: invalid input for p: argument 1 contains a NUL character"
    )
  })
})
