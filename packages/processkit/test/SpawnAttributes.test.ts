import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as Command from "processkit/Command"
import * as ProcessGroup from "processkit/ProcessGroup"
import * as ProcessRunner from "processkit/ProcessRunner"
import * as Stdin from "processkit/Stdin"
import { Backend, reasonOf, scripted } from "./scripted.ts"
import { backend, mapContainer } from "./scriptedPrograms.ts"

/** A backend that can set nothing, and keeps count of what it holds. */
const poor = () => {
  const below = backend()
  const counts = { open: 0 }
  const service = mapContainer(below.service, ({ containment, release }) => ({
    containment: { ...containment, attributes: ["argv0"] },
    release: Effect.andThen(release, Effect.sync(() => void counts.open--))
  }))
  const open = Effect.tap(service.open, () => Effect.sync(() => void counts.open++))
  return {
    below,
    counts,
    layer: Layer.succeed(ProcessRunner.ProcessRunner, ProcessRunner.fromBackend({ ...service, open }))
  }
}

const greedy = Command.make("exitsWith", ["0"], { umask: 0o027, priority: "idle" })

describe("attributes of a command", () => {
  it.effect("reach the backend validated, and only those that were asked for", () =>
    Effect.gen(function*() {
      yield* Command.runUnit(greedy.pipe(Command.setAffinity([3, 1, 3]), Command.setWindowsHide(false)))
      yield* Command.runUnit(Command.make("exitsWith", ["0"]))
      const [first, second] = (yield* Backend).spawned
      assert.deepStrictEqual({ ...first?.request.attributes }, {
        umask: 0o027,
        priority: 19,
        affinity: [1, 3],
        windowsHide: false
      })
      assert.deepStrictEqual({ ...second?.request.attributes }, {})
    }).pipe(Effect.provide(scripted())))

  it.effect("that the mechanism cannot set fail the start: by a verb, alone, in a group", () =>
    Effect.gen(function*() {
      const { below, counts, layer } = poor()
      yield* Effect.gen(function*() {
        const group = yield* ProcessGroup.make
        const reasons = [
          yield* reasonOf(Command.runUnit(greedy)),
          yield* reasonOf(Command.exitCode(greedy)),
          yield* reasonOf(Effect.scoped(Command.start(greedy))),
          yield* reasonOf(group.start(greedy)),
          yield* reasonOf(Stream.runDrain(Command.stdoutLines(greedy)))
        ]
        for (const reason of reasons) {
          assert.deepInclude(reason, {
            _tag: "Unsupported",
            feature: "the option umask, priority",
            mechanism: "scripted"
          })
        }
        assert.deepStrictEqual(below.spawned, [])
        assert.strictEqual(counts.open, 1)
        yield* Command.runUnit(Command.make("exitsWith", ["0"], { argv0: "another", windowsHide: true }))
        assert.deepStrictEqual({ ...below.spawned[0]?.request.attributes }, { argv0: "another", windowsHide: true })
      }).pipe(Effect.scoped, Effect.provide(layer))
      assert.strictEqual(counts.open, 0)
    }))

  it.effect("that were refused have consumed no input", () =>
    Effect.gen(function*() {
      const echo = Command.make("echoesStdin", { stdin: Stdin.once(Stream.make("fed")) })
      assert.strictEqual((yield* reasonOf(Command.run(Command.setUmask(echo, 0))))._tag, "Unsupported")
      assert.strictEqual(yield* Command.run(echo), "fed")
    }).pipe(Effect.provide(poor().layer)))

  it.effect("are listed by the containment of a group before anything is started", () =>
    Effect.gen(function*() {
      const group = yield* ProcessGroup.make
      assert.include(group.containment.attributes, "umask")
    }).pipe(Effect.provide(scripted())))
})
