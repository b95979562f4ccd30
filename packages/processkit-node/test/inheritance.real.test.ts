import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { fork, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import * as fs from "node:fs"
import * as net from "node:net"
import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
import * as Command from "processkit/Command"
import type { Mechanism } from "processkit/Mechanism"
import * as ProcessGroup from "processkit/ProcessGroup"
import { eventually, hasProc, isAlive, stat } from "./oracle.ts"
import { fixture, has, run, sh } from "./programs.ts"
import { isInheritable } from "./world.ts"

const succeeds = (program: string, ...args: ReadonlyArray<string>): boolean =>
  spawnSync(program, args, { stdio: "ignore" }).status === 0

const list = (command: Command.Command): Effect.Effect<Array<string>, unknown, never> =>
  Effect.provide(
    Effect.map(Command.run(command), (stdout) => stdout.split("\n").filter((line) => line !== "")),
    NodeProcessRunner.layer
  )

const pk = (lines: ReadonlyArray<string>) => lines.filter((line) => line.startsWith("PK_")).toSorted()

/** What standard input is. */
const zero = (stdin?: Command.Options["stdin"]) => Command.run(sh("readlink /proc/$$/fd/0", [], { stdin }))

/** Descriptors of this process that it was born with open across exec, which only a child of Node's own gets. */
const inherited = (mechanism: Mechanism): Array<string> =>
  mechanism !== "process-group" ?
    [] :
    fs.readdirSync("/proc/self/fd").filter((fd) => Number(fd) > 2 && isInheritable(fd))

/** Whether a host of ours starts the programs. */
const isHosted = has("a native host", Effect.runSync(NodeProcessRunner.containment).mechanism !== "process-group")

/** What a child has open whose owner was itself given descriptors 12 and 60. */
const descriptorsOfGrandchild = (mechanism: string) =>
  Effect.promise(async () => {
    const fd = fs.openSync("/dev/null", "r")
    const stdio = Array.from({ length: 61 }, (_, i) => i === 1 ? "pipe" : i === 12 || i === 60 ? fd : "ignore")
    const owner = spawn(
      process.execPath,
      ["--conditions=processkit-source", fixture("inherits-descriptors.mjs"), mechanism],
      { stdio: stdio as Array<"pipe" | "ignore" | number> }
    )
    fs.closeSync(fd)
    let text = ""
    owner.stdout?.on("data", (chunk) => text += String(chunk))
    await once(owner, "close")
    return text.trim().split("\n")
  })

layer(NodeProcessRunner.layer, { excludeTestServices: true })("what a child inherits", (it) => {
  // I1
  it.effect.skipIf(!has("/proc", hasProc))(
    "a child has descriptors 0, 1 and 2, whatever the owner has open",
    () =>
      Effect.gen(function*() {
        const file = fs.openSync("/etc/passwd", "r")
        const server = net.createServer().listen(0)
        yield* Effect.promise(() => once(server, "listening"))
        const group = yield* ProcessGroup.make
        yield* group.start(Command.make("cat", { stdin: "pipe" }))
        const seen = yield* list(sh("ls /proc/$$/fd", [], { stdin: "pipe" }))
        fs.closeSync(file)
        yield* Effect.callback<void>((resume) => void server.close(() => resume(Effect.void)))
        assert.sameMembers(seen, ["0", "1", "2", ...inherited(group.mechanism)])
      })
  )

  // I1: what Node itself was given above 16 without close-on-exec is out of our hands where Node starts the child
  for (const [mechanism, leaks] of [["process-group", true], ["the best mechanism", false]] as const) {
    const left = leaks ? "closed up to 16 and leaks above" : "closed"
    it.effect.skipIf(!has("/proc", hasProc) || (!leaks && !isHosted))(
      `an owner's own inherited descriptor is ${left} (${mechanism})`,
      () =>
        Effect.gen(function*() {
          const seen = yield* descriptorsOfGrandchild(mechanism)
          assert.include(seen, "1")
          assert.strictEqual(seen.includes("60"), leaks)
          assert.notInclude(seen, "12")
        })
    )
  }

  // I2
  it.effect("a child's pipes are in no other child, so that it sees the end of its input while others run", () =>
    Effect.gen(function*() {
      const group = yield* ProcessGroup.make
      const first = yield* group.start(Command.make("cat", { stdin: "pipe" }))
      const others = yield* Effect.forEach([1, 2, 3], () => group.start(Command.make("sleep", ["60"])))
      yield* first.stdin.write("all of it")
      yield* first.stdin.end
      assert.strictEqual((yield* first.result).stdout, "all of it")
      for (const other of others) assert.isTrue(yield* other.isRunning)
    }))

  // I3
  it.effect("the environment is the owner's, without what is cleared, not allowed or removed, and with what is set", () =>
    Effect.gen(function*() {
      process.env["PK_ONE"] = "one"
      process.env["PK_TWO"] = "two"
      yield* Effect.addFinalizer(() =>
        Effect.sync(() => ["PK_ONE", "PK_TWO"].forEach((name) => delete process.env[name]))
      )
      const before = { ...process.env }
      const seen = (options: Command.Options) => list(Command.make("env", options))
      assert.deepEqual(pk(yield* seen({})), ["PK_ONE=one", "PK_TWO=two"])
      const env = { PK_ONE: undefined, PK_TWO: "2", PK_THREE: Redacted.make("3") }
      assert.deepEqual(pk(yield* seen({ env })), ["PK_THREE=3", "PK_TWO=2"])
      assert.deepEqual(yield* seen({ envClear: true }), [])
      assert.deepEqual(yield* seen({ inheritEnv: ["PK_ONE", "PK_MISSING"] }), ["PK_ONE=one"])
      assert.deepEqual(yield* seen({ inheritEnv: [], env: { PK_EMPTY: "" } }), ["PK_EMPTY="])
      // Read anew at every start.
      const allowed = Command.make("env", { inheritEnv: ["PK_ONE"] })
      process.env["PK_ONE"] = "changed"
      assert.deepEqual(yield* list(allowed), ["PK_ONE=changed"])
      process.env["PK_ONE"] = "one"
      // S9: the owner's environment is not touched.
      assert.deepEqual({ ...process.env }, before)
    }))

  // I4, X5
  it.effect.skipIf(!has("/proc", hasProc))(
    "standard input is /dev/null unless something else is asked for",
    () =>
      Effect.gen(function*() {
        assert.strictEqual(yield* zero(), "/dev/null")
        assert.strictEqual(yield* zero("null"), "/dev/null")
        assert.strictEqual(yield* zero("inherit"), fs.readlinkSync("/proc/self/fd/0"))
        assert.strictEqual(yield* Command.run(Command.make("cat")), "")
      })
  )

  // I4: outputs that are not pipes
  it.effect.skipIf(!has("/proc", hasProc))("outputs that are \"null\" are /dev/null", () =>
    Effect.gen(function*() {
      const stderr = yield* Command.run(sh("readlink /proc/$$/fd/2", [], { stderr: "null" }))
      assert.strictEqual(stderr, "/dev/null")
    }))

  // I5, I7
  it.effect.skipIf(!has("/proc", hasProc))(
    "a child leads a session and a process group of its own, without a terminal",
    () =>
      Effect.gen(function*() {
        const group = yield* ProcessGroup.make
        const first = yield* group.start(Command.make("sleep", ["60"]))
        const second = yield* group.start(Command.make("sleep", ["60"]))
        for (const { pid } of [first, second]) {
          assert(pid !== undefined)
          assert.deepInclude(stat(pid), { pgid: pid, session: pid })
          assert.notStrictEqual(stat(pid)?.session, stat(process.pid)?.session)
        }
      })
  )

  // I5
  it.effect.skipIf(!has("script(1), for a terminal", succeeds("script", "--version")))(
    "a child that reads the terminal is not stopped by it: it has none",
    () =>
      Effect.gen(function*() {
        const owner = `${process.execPath} --conditions=processkit-source ${fixture("reads-terminal.mjs")}`
        const stdout = yield* Command.run(
          Command.make("script", ["-qec", owner, "/dev/null"], { timeout: "20 seconds" })
        )
        assert.include(stdout, "owner-at-terminal true")
        assert.match(stdout, /tty-code [1-9]/)
      })
  )

  // I6
  it.effect("a child that signals its own process group hurts neither the owner nor its siblings", () =>
    Effect.gen(function*() {
      const group = yield* ProcessGroup.make
      const sibling = yield* group.start(Command.make("sleep", ["60"]))
      const killer = yield* group.start(sh("sleep 60 & kill -KILL 0"))
      assert.deepInclude(yield* killer.outcome, { _tag: "Signaled", signal: "SIGKILL" })
      assert.isTrue(yield* sibling.isRunning)
      assert.isTrue(isAlive(sibling.pid ?? 0))
    }))

  // I8
  it.effect("a child of an owner with an IPC channel has none", () =>
    Effect.gen(function*() {
      const owner = fork(fixture("has-ipc-channel.mjs"), { execArgv: ["--conditions=processkit-source"] })
      const [message] = yield* Effect.promise(() => once(owner, "message"))
      yield* Effect.promise(() => once(owner, "exit"))
      assert.strictEqual(message, "function: undefined undefined")
    }))

  // S22
  it.effect.skipIf(!has("/proc", hasProc))(
    "a child starts with the default action for every signal and none blocked",
    () =>
      Effect.gen(function*() {
        // Node itself ignores SIGPIPE.
        const status = yield* list(Command.make("grep", ["-E", "^Sig(Blk|Ign)", "/proc/self/status"]))
        assert.deepEqual(status.map((line) => Number.parseInt(line.split("\t")[1] ?? "", 16)), [0, 0])
        const yes = yield* Command.run(sh("yes | head -n 1; echo done"))
        assert.strictEqual(yes, "y\ndone")
      })
  )

  // S22, E9: the nearest to a lost status that a program without native code can provoke
  it.effect.skipIf(!has("env --block-signal", succeeds("env", "--block-signal=USR1", "--ignore-signal=HUP", "true")))(
    "an owner that was started with signals blocked and ignored, SIGCHLD among them, does not pass that on",
    () =>
      Effect.gen(function*() {
        const stdout = yield* Command.run(
          Command.make("env", [
            "--block-signal=USR1,TERM",
            "--ignore-signal=HUP,INT,CHLD",
            process.execPath,
            "--conditions=processkit-source",
            fixture("strange-signals.mjs")
          ])
        )
        const [status, code] = JSON.parse(stdout)
        assert.strictEqual(code, 7)
        assert.deepEqual(status.split("\n").map((line: string) => Number.parseInt(line.split("\t")[1] ?? "", 16)), [
          0,
          0
        ])
      })
  )

  // S23, C5
  it.effect.skipIf(!has("/proc", hasProc))(
    "an owner that is stopped and continued again and again while it starts programs loses none",
    () =>
      Effect.gen(function*() {
        const group = yield* ProcessGroup.make
        const owner = yield* group.start(run("starts-many-programs.mjs"))
        yield* eventually("the owner runs", () =>
          fs.readFileSync(`/proc/${owner.pid}/cmdline`, "latin1").includes("starts-many"))
        for (let stops = 0; yield* owner.isRunning; stops++) {
          yield* owner.signal("SIGSTOP")
          yield* eventually("it stands still", () =>
            ["T", "Z", undefined].includes(stat(owner.pid ?? 0)?.state))
          yield* owner.signal("SIGCONT")
          // On for a moment, and not to the end; for a longer one where a busy machine lets it do nothing in it.
          yield* Effect.sleep(3 + stops / 50)
        }
        const result = yield* owner.result
        assert.strictEqual(result.stdout, `running\n${"x".repeat(150)}\n`, result.stderr)
      })
  )
})
