import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
import * as Command from "processkit/Command"
import * as RetryPolicy from "processkit/RetryPolicy"
import { eventually, survivors } from "./oracle.ts"
import { reasonOf, sh, timed } from "./programs.ts"
import { allowance } from "./slowness.ts"

/** A file of its own for one test. */
const scratchFile = Effect.acquireRelease(
  Effect.sync(() => path.join(fs.mkdtempSync(path.join(os.tmpdir(), "processkit-retry-")), "log")),
  (file) => Effect.sync(() => fs.rmSync(path.dirname(file), { recursive: true }))
)

const linesOf = (file: string): ReadonlyArray<string> =>
  fs.existsSync(file) ? fs.readFileSync(file, "utf8").trimEnd().split("\n") : []

layer(NodeProcessRunner.layer, { excludeTestServices: true })("a real command that is tried again", (it) => {
  it.effect("finds nothing of the attempt before it alive", () =>
    Effect.scoped(Effect.gen(function*() {
      const file = yield* scratchFile
      // Each attempt writes the ids of two descendants, one of which ignores SIGTERM, and how many of those before live.
      // A zombie does not: who reaps it is up to the system.
      const script = `
        alive=0
        for pid in $(cat "$1.pids" 2>/dev/null); do
          case "$(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null)" in "" | Z*) ;; *) alive=$((alive + 1)) ;; esac
        done
        echo "$alive" >> "$1"
        (trap '' TERM; exec sleep 600) >/dev/null 2>&1 & echo $! >> "$1.pids"
        sleep 600 >/dev/null 2>&1 & echo $! >> "$1.pids"
        exit 75`
      const retry = RetryPolicy.fixed({ attempts: 4, delay: "10 millis", while: RetryPolicy.hasCode(75) })
      const reason = yield* reasonOf(Command.runUnit(sh(script, [file], { retry })))
      assert.deepInclude(reason, { _tag: "NonZeroExit", code: 75 })
      assert.deepStrictEqual(linesOf(file), ["0", "0", "0", "0"])
      assert.deepStrictEqual(survivors(), [])
    })))

  it.effect("works in the end", () =>
    Effect.scoped(Effect.gen(function*() {
      const file = yield* scratchFile
      const script = "echo run >> \"$1\"; test $(wc -l < \"$1\") -ge 3 && echo third || { echo busy >&2; exit 1; }"
      const retry = RetryPolicy.exponential({ base: "5 millis", while: RetryPolicy.says("busy") })
      assert.strictEqual(yield* Command.run(sh(script, [file], { retry })), "third")
      assert.strictEqual(linesOf(file).length, 3)
    })))

  it.effect("is not tried again after an interruption, be it while it runs or while it waits", () =>
    Effect.scoped(Effect.gen(function*() {
      const file = yield* scratchFile
      const retry = RetryPolicy.fixed({ attempts: 9, delay: "20 seconds", while: () => true })
      for (const script of ["echo run >> \"$1\"; sleep 600", "echo run >> \"$1\"; exit 1"]) {
        fs.rmSync(file, { force: true })
        const fiber = yield* Effect.forkChild(Command.run(sh(script, [file], { retry })), { startImmediately: true })
        yield* eventually("it has run", () => linesOf(file).length === 1)
        const [, elapsed] = yield* timed(Fiber.interrupt(fiber))
        assert.isBelow(elapsed, allowance(3000))
        assert.deepStrictEqual(survivors(), [])
      }
      assert.strictEqual(linesOf(file).length, 1)
    })))
})
