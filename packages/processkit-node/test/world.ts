/** What the tests with real processes share: requests, fixtures, and waiting for conditions instead of for luck. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import type * as ProcessBackend from "processkit/ProcessBackend"
import type * as ProcessError from "processkit/ProcessError"
import * as ProcessGroupBackend from "../src/internal/processGroupBackend.ts"
import { allowance } from "./slowness.ts"
import { killAll, makeMark } from "./survivors.ts"

export const fixture = (name: string): string => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url))

/** The program and arguments that run a fixture. */
export const running = (
  name: string,
  args: ReadonlyArray<string> = []
): Pick<ProcessBackend.SpawnRequest, "program" | "args"> =>
  path.extname(name) === ".sh"
    ? { program: "/bin/sh", args: [fixture(name), ...args] }
    : path.extname(name) === ".py"
    ? { program: "python3", args: [fixture(name), ...args] }
    : { program: process.execPath, args: [fixture(name), ...args] }

export const request = (
  program: string,
  args: ReadonlyArray<string> = [],
  more: Partial<ProcessBackend.SpawnRequest> = {}
): ProcessBackend.SpawnRequest => ({
  program,
  args,
  cwd: undefined,
  env: { base: "inherit", set: [] },
  preferLocal: [],
  stdin: "null",
  stdout: "null",
  stderr: "null",
  attributes: Object.create(null), // without a prototype, as the engine gives them
  ...more
})

/**
 * Waits until a condition holds, and fails with its name when that takes longer than it may ({@link allowance}). A question that throws has no answer
 * yet: what it asks of may not be there, or not any more.
 */
export const eventually = (what: string, holds: () => boolean, within = 10_000): Effect.Effect<void> =>
  Effect.callback((resume) => {
    const end = performance.now() + allowance(within)
    let cause: unknown
    const asked = (): boolean => {
      try {
        cause = undefined
        return holds()
      } catch (thrown) {
        cause = thrown
        return false
      }
    }
    const timer = setInterval(() => {
      // Asked once more after the last moment: a machine that was too busy to ask has not shown that it does not hold.
      const isLate = performance.now() > end
      const isSo = asked()
      if (!isSo && !isLate) return
      clearInterval(timer)
      resume(isSo ? Effect.void : Effect.die(new Error(`never happened: ${what}`, { cause })))
    }, 5)
    return Effect.sync(() => clearInterval(timer))
  })

/**
 * Looks for a while whether a condition goes on to hold. For claims that something does not happen, which only time can
 * show: a window that is too short for a slow machine shows less there, and fails nowhere by chance.
 */
export const throughout = (what: string, holds: () => boolean, milliseconds = 100): Effect.Effect<void> =>
  Effect.callback((resume) => {
    const end = performance.now() + milliseconds
    const timer = setInterval(() => {
      const isSo = holds()
      if (isSo && performance.now() < end) return
      clearInterval(timer)
      resume(isSo ? Effect.void : Effect.die(new Error(`did not go on: ${what}`)))
    }, 5)
    return Effect.sync(() => clearInterval(timer))
  })

/** Holds the event loop for so many milliseconds, and on until a condition holds, for half a minute at most. */
export const beBusy = (milliseconds: number, holds: () => boolean = () => true): void => {
  const until = performance.now() + milliseconds
  while (performance.now() < until || (!holds() && performance.now() < until + 30_000));
}

/** Collects what a source delivers, and tells when it has ended. */
export const collect = (source: ProcessBackend.ByteSource | undefined) => {
  const state = { text: "", ended: false, errno: undefined as string | undefined }
  source?.start({
    chunk: (bytes) => {
      state.text += Buffer.from(bytes).toString("latin1")
      return true
    },
    end: (errno) => {
      state.ended = true
      state.errno = errno
    }
  })
  return state
}

export const exitOf = (
  child: ProcessBackend.Child
): Effect.Effect<ProcessBackend.ExitReport, ProcessError.ProcessError> =>
  Effect.callback((resume) => child.onExit(resume))

/** Tells a descriptor of ours that every child inherits: one that we inherited ourselves, open across exec. */
export const isInheritable = (fd: string): boolean => {
  try {
    const flags = /flags:\s*(\d+)/.exec(fs.readFileSync(`/proc/self/fdinfo/${fd}`, "latin1"))?.[1] ?? "0"
    return (Number.parseInt(flags, 8) & 0o2_000_000) === 0
  } catch {
    return false
  }
}

export const seconds = Duration.seconds

/** A container whose processes carry a mark of their own; at the end it kills and releases, and nothing may be left. */
export const inContainer = <A, E>(
  table: "proc" | "ps",
  use: (world: World) => Effect.Effect<A, E>
): Effect.Effect<A, E | ProcessError.ProcessError> =>
  Effect.gen(function*() {
    const backend = ProcessGroupBackend.make({ table })
    const mark = makeMark()
    const container = yield* backend.open
    const close = container.kill.pipe(
      Effect.andThen(container.awaitEmpty(seconds(10))),
      Effect.andThen(container.release),
      Effect.andThen(Effect.sync(() => killAll(mark.survivors()))),
      Effect.ignore
    )
    const env = { base: "inherit", set: [mark.variable] } as const
    return yield* Effect.ensuring(
      use({
        backend,
        container,
        survivors: mark.survivors,
        start: (what, more) => container.spawn(request(what.program, what.args, { env, ...more })),
        fixture: (name, args, more) => {
          const { args: all, program } = running(name, args)
          return container.spawn(request(program, all, { env, ...more }))
        }
      }),
      close
    )
  })

export interface World {
  readonly backend: ProcessBackend.ProcessBackend["Service"]
  readonly container: ProcessBackend.Container
  readonly survivors: () => ReadonlyArray<number>
  readonly start: (
    what: Pick<ProcessBackend.SpawnRequest, "program" | "args">,
    more?: Partial<ProcessBackend.SpawnRequest>
  ) => Effect.Effect<ProcessBackend.Child, ProcessError.ProcessError>
  readonly fixture: (
    name: string,
    args?: ReadonlyArray<string>,
    more?: Partial<ProcessBackend.SpawnRequest>
  ) => Effect.Effect<ProcessBackend.Child, ProcessError.ProcessError>
}
