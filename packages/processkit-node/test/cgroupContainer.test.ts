import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import type * as ProcessBackend from "processkit/ProcessBackend"
import * as CgroupContainer from "../src/internal/cgroup/cgroupContainer.ts"
import type { Exited, HostChild } from "../src/internal/host/hostAnswers.ts"
import type { HostConnection } from "../src/internal/host/hostConnection.ts"
import * as ProcessGroupBackend from "../src/internal/processGroupBackend.ts"
import { request } from "./world.ts"

const limits = { memory: 4096, processes: undefined, cpus: undefined }

const killed: Exited = { status: 9, userMicros: 0, systemMicros: 0, peakBytes: 0, cgroupRemoved: false }

const nothing = Effect.succeed({ errno: undefined, count: 0 })

/** A child that was killed at once. */
const child: HostChild = {
  id: 1,
  pid: 4_194_305,
  pipes: [undefined, undefined, undefined],
  relays: [undefined, undefined],
  onExit: (observer) => observer(Result.succeed(killed)),
  onEmptied: () => {},
  onStopped: () => {},
  isHostLost: () => false,
  signal: () => nothing,
  act: () => nothing,
  members: Effect.succeed([])
}

/** A host that has something happen while it starts a child. */
const hostWith = (
  meanwhile: () => void,
  start: ReturnType<HostConnection["spawn"]> = Effect.succeed(child)
): HostConnection => ({
  pid: 4_194_306,
  executable: "/proc/self/exe",
  mode: "direct",
  isLost: () => false,
  onLost: () => {},
  spawn: () =>
    Effect.suspend(() => {
      meanwhile()
      return start
    }),
  guard: () => nothing,
  unguard: () => nothing,
  ping: Effect.void,
  newLink: () => 1,
  unlink: () => nothing,
  close: () => {}
})

const inHierarchy = <A, E>(body: (own: string) => Effect.Effect<A, E>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      const own = fs.mkdtempSync(path.join(os.tmpdir(), "hierarchy-"))
      for (const directory of ["owner", "owner/g1"]) fs.mkdirSync(path.join(own, directory))
      for (const directory of [".", "owner"]) {
        fs.writeFileSync(path.join(own, directory, "cgroup.controllers"), "cpu memory pids\n")
        fs.writeFileSync(path.join(own, directory, "cgroup.subtree_control"), "cpu memory pids\n")
      }
      return own
    }),
    body,
    (own) => Effect.sync(() => fs.rmSync(own, { recursive: true }))
  )

const exitOf = (child: ProcessBackend.Child) =>
  Effect.callback<ProcessBackend.ExitReport>((resume) =>
    child.onExit((exit) => resume(Exit.isSuccess(exit) ? Effect.succeed(exit.value) : Effect.die(exit)))
  )

const events = (own: string, text: string) => {
  for (const file of ["memory.events", "memory.events.local"]) fs.writeFileSync(`${own}/owner/g1/${file}`, text)
}

const containerIn = (own: string, meanwhile: () => void, start?: ReturnType<HostConnection["spawn"]>) => {
  const place = { host: hostWith(meanwhile, start), owner: `${own}/owner`, directory: `${own}/owner/g1` }
  fs.rmdirSync(place.directory)
  return CgroupContainer.make(place, Effect.succeed, ProcessGroupBackend.make().containment)
}

const reportWith = (meanwhile: (own: string) => void) =>
  inHierarchy((own) =>
    Effect.gen(function*() {
      const container = containerIn(own, () => meanwhile(own))
      yield* container.prepare ?? Effect.void
      yield* container.limits?.set(limits) ?? assert.fail("no limits")
      events(own, "max 7\noom 1\noom_kill 1\n")
      return yield* Effect.flatMap(container.spawn(request("/bin/true")), exitOf)
    })
  )

describe("a child with a limit of memory", () => {
  // A busy owner hears of the start when the kernel has killed for the limit already, and took that for an earlier kill.
  it.live("was killed for it also where that happened before its owner heard of its start", () =>
    Effect.map(
      reportWith((own) => events(own, "max 9\noom 2\noom_kill 2\n")),
      (report) => assert.isTrue(report.oomKilled)
    ))

  it.live("was killed for it also where the limit was set after its start", () =>
    inHierarchy((own) =>
      Effect.gen(function*() {
        const container = containerIn(own, () => {})
        yield* container.prepare ?? Effect.void
        const child = yield* container.spawn(request("/bin/true"))
        yield* container.limits?.set(limits) ?? assert.fail("no limits")
        events(own, "max 9\noom 1\noom_kill 2\n")
        assert.isTrue((yield* exitOf(child)).oomKilled)
      })
    ))

  // It failed with an errno that no system has.
  it.live("lacks memory where it was killed for it on the way to its program", () =>
    inHierarchy((own) =>
      Effect.gen(function*() {
        const killedOnItsWay = Effect.fail({ _tag: "StartFailed", stage: "killed", errno: "UNKNOWN" } as const)
        let text = "oom 1\noom_kill 1\n"
        const container = containerIn(own, () => events(own, text), killedOnItsWay)
        yield* container.prepare ?? Effect.void
        yield* container.limits?.set(limits) ?? assert.fail("no limits")
        const start = Effect.flip(container.spawn(request("/bin/true")))
        assert.deepInclude((yield* start).reason, { _tag: "ResourceExhausted", errno: "ENOMEM" })
        text = "oom 1\noom_kill 2\n"
        assert.deepInclude((yield* start).reason, { _tag: "SpawnFailed", errno: "UNKNOWN" })
      })
    ))

  it.live("was not killed for it where the kernel has killed nobody since it was asked for", () =>
    Effect.map(reportWith(() => {}), (report) => assert.isUndefined(report.oomKilled)))
})
