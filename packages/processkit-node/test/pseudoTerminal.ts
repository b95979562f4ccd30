/**
 * Programs on a terminal of their own, typed at by a test: by script(1) of util-linux, which copies what it reads to the
 * terminal that it has made.
 */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { has } from "./programs.ts"
import { slowness } from "./slowness.ts"
import { killAll, makeMark } from "./survivors.ts"
import { eventually } from "./world.ts"

/** Whether there is a script(1) with the options of util-linux. */
export const hasTerminals = has(
  "script of util-linux for a terminal",
  spawnSync("script", ["-qec", "exit 7", "/dev/null"], { stdio: "ignore" }).status === 7
)

/** How long something may take that is bound to be shown: an owner begins with a start of Node, from the sources. */
const patience = 40_000 * slowness

export interface Terminal {
  /** Everything that has been shown, without carriage returns. */
  readonly screen: () => string
  readonly type: (text: string) => void
  /** Waits until something is shown that was not there before the last wait. */
  readonly shows: (what: RegExp) => Effect.Effect<RegExpExecArray>
  /** Waits for the end of the program on the terminal, and gives its exit code. */
  readonly ended: Effect.Effect<number | null>
  /** Everybody who was started on the terminal and lives, in whatever session. */
  readonly living: () => ReadonlyArray<number>
}

/** Quotes for `/bin/sh`. */
export const quoted = (words: ReadonlyArray<string>): string =>
  words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ")

/** Runs a line of `/bin/sh` on a new terminal; at the end of the scope nobody is left on it. */
export const onTerminal = (line: string): Effect.Effect<Terminal, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const mark = makeMark()
      const [variable, value] = mark.variable
      const child = spawn("script", ["-qefc", line, "/dev/null"], {
        detached: true,
        env: { ...process.env, [variable]: value, SHELL: "/bin/sh", TERM: "dumb", NO_COLOR: "1", PS1: "$ " },
        stdio: ["pipe", "pipe", "inherit"]
      })
      const exit = once(child, "exit")
      let shown = ""
      let seen = 0
      child.stdin.on("error", () => {})
      child.stdout.on("data", (chunk: Buffer) => shown += chunk.toString("latin1").replaceAll("\r", ""))
      const find = (what: RegExp) => what.exec(shown.slice(seen))
      return {
        screen: () => shown,
        type: (text: string) => void child.stdin.write(text),
        shows: (what: RegExp) =>
          Effect.map(eventually(`${what} is shown`, () => find(what) !== null, patience), () => {
            const found = find(what)
            if (found === null) return assert.fail("unreachable")
            seen += found.index + found[0].length
            return found
          }).pipe(Effect.onError(() => Effect.sync(() => console.error(shown)))),
        ended: Effect.map(Effect.promise(() => exit), ([code]: Array<number | null>) => code ?? null),
        living: mark.survivors,
        close: Effect.promise(() => {
          child.kill("SIGKILL")
          killAll(mark.survivors())
          return exit
        })
      }
    }),
    (terminal) => terminal.close
  )
