import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import type * as Outcome from "processkit/Outcome"
import * as ProcessBackend from "processkit/ProcessBackend"
import { BackendPrograms, BackendSuite, FaultyBackend } from "processkit/testing"
import { backend, layer, mapContainer, programs } from "./scriptedPrograms.ts"

const capabilities: BackendSuite.Capabilities = {
  signals: true,
  descendants: true,
  stop: true,
  environment: true,
  arguments: true,
  workingDirectory: "a scripted program has no directory",
  nativeTime: "a scripted tree answers at once",
  links: "scripted programs are connected by the engine",
  detached: true,
  argv0: true,
  uid: true,
  gid: true,
  groups: true,
  umask: true,
  rlimits: true,
  priority: true,
  affinity: true,
  ioPriority: true,
  noNewPrivileges: true,
  terminal: true
}

BackendSuite.suite({ describe, it }, { name: "scripted", layer, capabilities, programs })

BackendSuite.suite({ describe, it }, {
  name: "scripted, cut into pieces of seven bytes",
  layer: FaultyBackend.layer(FaultyBackend.chunksSplit(7)).pipe(Layer.provide(layer)),
  capabilities,
  programs
})

describe("BackendSuite", () => {
  it("leaves a case out for every capability that is missing, and says why", () => {
    const printed: Array<string> = []
    const registered: Array<string> = []
    BackendSuite.suite({
      describe: (_, body) => body(),
      it: (name) => void registered.push(name),
      print: (line) => void printed.push(line)
    }, { name: "lame", layer, programs, capabilities: { ...capabilities, stop: "the reason" } })
    assert.strictEqual(registered.length + printed.length, BackendSuite.cases.length)
    assert.strictEqual(printed.filter((line) => line.includes("stop: the reason")).length, 4)
  })

  it("names every claim once", () => {
    const names = BackendSuite.cases.map((one) => one.name)
    assert.deepStrictEqual(names, [...new Set(names)])
  })
})

type Child = ProcessBackend.Child
type Source = ProcessBackend.ByteSource

/** A backend whose every child has a fault. */
const faultyChild = (f: (child: Child) => Partial<Child>) =>
  mapContainer(backend().service, ({ spawn }) => ({
    spawn: (request) => Effect.map(spawn(request), (child) => ({ ...child, ...f(child) }))
  }))

const faultySource = (f: (source: Source) => Partial<Source>) =>
  faultyChild(({ stdout }) => stdout === undefined ? {} : { stdout: { ...stdout, ...f(stdout) } })

const reports = (f: (exit: Outcome.Exit) => Outcome.Exit) =>
  faultyChild((child) => ({
    onExit: (observer) =>
      child.onExit((exit) => observer(Exit.map(exit, (report) => ({ ...report, exit: f(report.exit) }))))
  }))

/** Each fault, and a claim that it must break. */
const faults: Record<string, readonly [ProcessBackend.ProcessBackend["Service"], claim: string]> = {
  "ends a stream twice": [
    faultySource(({ start }) => ({
      start: ({ chunk, end }) => start({ chunk, end: (errno) => (end(errno), end(errno)) })
    })),
    "ends each stream once"
  ],
  "goes on after a refused chunk": [
    faultySource(({ start }) => ({
      start: ({ chunk, end }) => start({ chunk: (bytes) => (chunk(bytes), true), end })
    })),
    "is silent after a refused chunk until it is resumed, and loses nothing"
  ],
  "changes a byte": [
    faultySource(({ start }) => ({
      start: ({ chunk, end }) =>
        start({ chunk: (bytes) => chunk(bytes.map((byte, i) => i === 5 ? byte + 1 : byte)), end })
    })),
    "delivers a megabyte byte for byte"
  ],
  "goes on after a close": [faultySource(() => ({ close: () => {} })), "delivers nothing after a source was closed"],
  "reports an exit twice": [
    faultyChild((child) => ({ onExit: (observer) => child.onExit((exit) => (observer(exit), observer(exit))) })),
    "reports the exit once, also to whoever asks late"
  ],
  "reports signals as codes": [
    reports((exit) => exit._tag === "Signaled" ? { _tag: "Exited", code: 128 + exit.number } : exit),
    "reports a death by signal with its name and number"
  ],
  "reports codes as signals": [
    reports((exit) =>
      exit._tag === "Exited" && exit.code === 143
        ? { _tag: "Signaled", signal: "SIGTERM", number: 15, coreDumped: undefined }
        : exit
    ),
    "reports exit codes as codes"
  ],
  "always says that it is empty": [
    mapContainer(backend().service, () => ({ awaitEmpty: () => Effect.succeed([]) })),
    "lists who ignores a signal, and kills it"
  ],
  "kills siblings with a child": [
    mapContainer(backend().service, ({ kill, spawn }) => ({
      spawn: (request) => Effect.map(spawn(request), (child) => ({ ...child, kill }))
    })),
    "keeps the trees of siblings apart"
  ],
  "counts siblings to a child": [
    mapContainer(backend().service, ({ members, spawn }) => ({
      spawn: (request) => Effect.map(spawn(request), (child) => ({ ...child, members }))
    })),
    "keeps the trees of siblings apart"
  ],
  "kills leaders only": [
    mapContainer(backend().service, (container) => {
      const children: Array<Child> = []
      return {
        spawn: (request) => Effect.tap(container.spawn(request), (child) => Effect.sync(() => children.push(child))),
        kill: Effect.suspend(() =>
          Effect.forEach(children, (child) => child.signalLeader("SIGKILL"), { discard: true })
        )
      }
    }),
    "holds and kills descendants"
  ],
  "passes the whole environment": [
    mapContainer(backend().service, ({ spawn }) => ({
      spawn: (request) => spawn({ ...request, env: { ...request.env, base: "inherit" } })
    })),
    "inherits all of the environment, none of it, or what is named"
  ],
  "ignores attributes": [
    mapContainer(backend().service, ({ spawn }) => ({ spawn: (request) => spawn({ ...request, attributes: {} }) })),
    "sets the mask for new files"
  ],
  "keeps the groups of another user": [
    mapContainer(backend().service, ({ spawn }) => ({
      spawn: (request) => spawn({ ...request, attributes: { ...request.attributes, groups: [0] } })
    })),
    "leaves no groups to a child that becomes another user"
  ],
  "forgets to answer a writer": [
    faultyChild(({ stdin }) =>
      stdin === undefined
        ? {}
        : {
          stdin: {
            ...stdin,
            write: (bytes, done) => stdin.write(bytes, (errno) => errno === "closed" ? done(undefined) : done(errno))
          }
        }
    ),
    "answers a write to a child that has gone with closed"
  ]
}

describe("a backend that breaks the contract is found out: one that", () => {
  for (const [fault, [service, claim]] of Object.entries(faults)) {
    it.live(fault, () =>
      Effect.gen(function*() {
        const broken = BackendSuite.cases.find(({ name }) => name === claim)
        assert.isDefined(broken, `there is no claim ${claim}`)
        if (broken === undefined) return
        const sound = yield* Effect.exit(Effect.scoped(broken.run).pipe(Effect.provide(layer)))
        assert.isTrue(Exit.isSuccess(sound))
        const error = yield* Effect.flip(
          Effect.scoped(broken.run).pipe(
            Effect.provide(Layer.succeed(ProcessBackend.ProcessBackend, service))
          )
        )
        assert.strictEqual(error._tag, "ContractBroken")
      }).pipe(Effect.provideService(BackendPrograms.BackendPrograms, programs)))
  }
})
