import { assert, layer } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import { execFileSync, spawnSync } from "node:child_process"
import * as fs from "node:fs"
import { createServer } from "node:net"
import * as os from "node:os"
import * as path from "node:path"
import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
import * as Command from "processkit/Command"
import * as Outcome from "processkit/Outcome"
import * as OutputBuffer from "processkit/OutputBuffer"
import type { ProcessError } from "processkit/ProcessError"
import * as ProcessGroup from "processkit/ProcessGroup"
import * as Readiness from "processkit/Readiness"
import type { RunningProcess } from "processkit/RunningProcess"
import { probes } from "../src/internal/probes.ts"
import { isAlive, openDescriptors, survivors, throughout } from "./oracle.ts"
import { fixture, has, reasonOf, run, sh, timed } from "./programs.ts"
import { hasPython, python } from "./python.ts"
import { allowance } from "./slowness.ts"
import { beBusy, eventually } from "./world.ts"

const slack = (): number => allowance(1500)

const hasIpv6 = has("IPv6", Object.values(os.networkInterfaces()).flat().some((one) => one?.address === "::1"))

const hasOpenssl = has("openssl", spawnSync("openssl", ["version"], { stdio: "ignore" }).status === 0)

const onServer = <A>(host: string, use: (port: number) => A): Promise<A> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, host, () => {
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      const value = use(port)
      server.close(() => resolve(value))
    })
  })

/** A port where nobody listens. */
const freePort = Effect.promise(() => onServer("127.0.0.1", (port) => port))

/** A path in a directory that is gone with the scope. */
const freshPath = (name: string) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "readiness-"))),
      (directory) => Effect.sync(() => fs.rmSync(directory, { recursive: true, force: true }))
    ),
    (directory) => path.join(directory, name)
  )

/** What one look finds out, however long it takes: a wait with a bound may be over before its first one is. */
const refusal = (running: RunningProcess, readiness: Readiness.Readiness) =>
  Effect.map(reasonOf(running.waitFor(Readiness.once(readiness))), ({ message }) => message)

const stillRuns = (pid: number | undefined) => assert.isTrue(isAlive(pid ?? 0))

layer(NodeProcessRunner.layer, { excludeTestServices: true })("readiness", (it) => {
  // behaviour 84
  it.effect("a line makes a server ready, which runs on, and what it says next is not lost", () =>
    Effect.gen(function*() {
      const running = yield* Command.start(
        sh("echo starting; sleep 0.1; echo listening on 80; echo next >&2; echo next; exec sleep 60")
      )
      assert.strictEqual(yield* running.waitForLine(/listening on (\d+)/), "listening on 80")
      assert.strictEqual(yield* running.waitForStderrLine("next"), "next")
      stillRuns(running.pid)
      assert.deepEqual(yield* Stream.runCollect(Stream.take(running.stdoutLines, 1)), ["next"])
    }))

  // behaviour 85
  it.effect("a server that says nothing is not ready when the time is over, and runs on", () =>
    Effect.gen(function*() {
      const running = yield* Command.start(Command.make("sleep", ["60"]))
      const [reason, elapsed] = yield* timed(reasonOf(running.waitForLine(/./, { within: "200 millis" })))
      assert.deepInclude(reason, { _tag: "NotReady", program: "sleep", ended: undefined })
      assert.isAtLeast(elapsed, 195)
      assert.isBelow(elapsed, 200 + slack())
      stillRuns(running.pid)
    }))

  // P2, behaviour 86
  it.effect("a server that dies fails every wait at once and says how, long before the time is over", () =>
    Effect.gen(function*() {
      const port = yield* freePort
      const running = yield* Command.start(sh("sleep 0.1; echo cannot bind >&2; exit 4"))
      const waits: ReadonlyArray<Effect.Effect<unknown, ProcessError>> = [
        running.waitForLine(/./),
        running.waitForOutput(/./),
        running.waitForPort(port),
        running.waitForPath("/nonexistent"),
        running.waitForHttp(`http://localhost:${port}`),
        running.waitFor(Effect.succeed(false))
      ]
      const [reasons, elapsed] = yield* timed(Effect.forEach(waits, reasonOf, { concurrency: "unbounded" }))
      for (const reason of reasons) {
        assert.deepInclude(reason, { _tag: "NotReady", ended: Outcome.exited(4), said: "cannot bind" })
      }
      assert.isBelow(elapsed, 100 + slack())
      assert.strictEqual((yield* running.result).stderr, "cannot bind\n")
    }))

  // P2
  it.effect("a server that closes its output will never say the line, and runs on", () =>
    Effect.gen(function*() {
      const running = yield* Command.start(sh("exec >&- sleep 60"))
      const [reason, elapsed] = yield* timed(reasonOf(running.waitForLine(/./)))
      assert.deepInclude(reason, { _tag: "NotReady", ended: "output" })
      assert.isBelow(elapsed, slack())
      stillRuns(running.pid)
    }))

  it.effect("one thing that can never hold any more does not end the wait for any of several", () =>
    Effect.gen(function*() {
      const sentinel = yield* freshPath("done")
      const running = yield* Command.start(sh("exec >&-; sleep 0.3; : > \"$1\"; exec sleep 60", [sentinel]))
      yield* running.waitFor(Readiness.any([Readiness.line("x"), Readiness.path(sentinel)]))
      stillRuns(running.pid)
      const both = Readiness.all([Readiness.line("x"), Readiness.path("/nonexistent")])
      assert.deepInclude(yield* reasonOf(running.waitFor(both)), { _tag: "NotReady", ended: "output" })
    }))

  // P2
  it.effect("a line right before a crash is found, also without an end", () =>
    Effect.gen(function*() {
      for (const [script, line] of [["echo READY; exit 1", "READY"], ["printf READY; kill -9 $$", "READY"]] as const) {
        const running = yield* Command.start(sh(script))
        yield* eventually("it is dead", () => !isAlive(running.pid ?? 0))
        assert.strictEqual(yield* running.waitForLine("READY"), line)
      }
    }))

  // P1
  it.effect("a line in pieces, with colours, after a megabyte of noise is found on the stream that is asked", () =>
    Effect.gen(function*() {
      for (const stream of ["stdout", "stderr"] as const) {
        const buffer = OutputBuffer.tail({ bytes: "64 KiB" })
        const command = run("teases.sh", [stream === "stdout" ? "1" : "2"], { buffer })
        const running = yield* Command.start(command)
        const wait = stream === "stdout" ? running.waitForLine : running.waitForStderrLine
        // The escape of the colour is there: the line is what the program wrote.
        assert.strictEqual(yield* wait(/READY(?!ISH| yet)/), "\u001b[32mREADY\u001b[0m")
        assert.strictEqual(yield* running.waitForOutput("more", { stream }), "more")
        yield* running.kill
        assert.strictEqual((yield* running.result)[stream], "more")
      }
    }))

  // behaviour 89
  it.effect("a start that writes megabytes is not held up by somebody who waits for something else", () =>
    Effect.gen(function*() {
      for (const redirection of ["", ">&2"]) {
        const port = yield* freePort
        const script = `head -c 4194304 /dev/zero ${redirection}; exec "$@"`
        const listens = [process.execPath, fixture("listens-late.mjs"), `127.0.0.1:${port}`, "at-once"]
        const stdout = redirection === "" ? "pipe" : "null"
        const running = yield* Command.start(sh(script, listens, { stdout }))
        yield* running.waitForPort(port)
        stillRuns(running.pid)
      }
    }))

  it.effect("a prompt is seen, answered, and seen again", () =>
    Effect.gen(function*() {
      const script = "printf 'name: '; read name; printf 'word of %s: ' $name; read word; echo $name has $word"
      const running = yield* Command.start(sh(script, [], { stdin: "pipe" }))
      assert.strictEqual(yield* running.waitForOutput("name: "), "name: ")
      yield* running.stdin.writeLine("ada")
      assert.strictEqual(yield* running.waitForOutput(/ada: $/), "name: word of ada: ")
      yield* running.stdin.writeLine("x")
      assert.strictEqual((yield* running.result).stdout, "name: word of ada: ada has x\n")
    }))

  // P3, behaviour 87
  it.effect("a port is waited for until somebody listens", () =>
    Effect.gen(function*() {
      const port = yield* freePort
      const listens = run("listens-late.mjs", [`127.0.0.1:${port}`, "late"], { stdin: "pipe" })
      const running = yield* Command.start(listens)
      assert.include(yield* refusal(running, Readiness.port(port)), `port ${port}: 127.0.0.1 ECONNREFUSED`)
      yield* running.stdin.writeLine("listen")
      yield* running.waitForPort(port)
      stillRuns(running.pid)
    }))

  it.effect.skipIf(!hasIpv6)(
    "a server that listens on IPv6 alone is found by the name of its host",
    () =>
      Effect.gen(function*() {
        const port = yield* Effect.promise(() => onServer("::1", (port) => port))
        const running = yield* Command.start(run("listens-late.mjs", [`[::1]:${port}`, "at-once"]))
        yield* running.waitForPort(port)
        yield* running.waitForPort(port, { host: "::1" })
        const elsewhere = Readiness.port(port, { host: "127.0.0.1" })
        assert.include(yield* refusal(running, elsewhere), "127.0.0.1 ECONNREFUSED")
      })
  )

  it.effect("a host that has no address is a reason and no defect", () =>
    Effect.gen(function*() {
      const running = yield* Command.start(Command.make("sleep", ["60"]))
      const reason = yield* reasonOf(running.waitForPort(80, { host: "a..b", within: "500 millis" }))
      assert.match(reason.message, /port 80: (ENOTFOUND|EAI_\w+|no answer)|nothing was found out yet/)
    }))

  it.effect.skipIf(!hasPython)(
    "a port that is bound is not yet one that listens, and one that listens is ready though nobody accepts",
    () =>
      Effect.gen(function*() {
        const port = yield* freePort
        const running = yield* Command.start(
          python("accepts-nobody.py", [String(port)], { stdin: "pipe" })
        )
        yield* running.waitForLine("bound")
        assert.include(yield* refusal(running, Readiness.port(port)), "ECONNREFUSED")
        yield* running.stdin.writeLine("")
        yield* running.waitForPort(port)
      })
  )

  it.effect("a port that comes and goes is ready at the first time it is there", () =>
    Effect.gen(function*() {
      const port = yield* freePort
      const running = yield* Command.start(run("flaps.mjs", [String(port)]))
      for (let i = 0; i < 3; i++) yield* running.waitForPort(port)
      stillRuns(running.pid)
    }))

  // P3
  it.effect("a foreign server on the port makes a program ready that does not listen at all", () =>
    Effect.gen(function*() {
      const port = yield* freePort
      yield* Command.start(run("listens-late.mjs", [`127.0.0.1:${port}`, "at-once"]))
      const running = yield* Command.start(Command.make("sleep", ["60"]))
      yield* running.waitForPort(port)
    }))

  it.effect("a socket and a path are waited for, also where they are relative to the program's directory", () =>
    Effect.gen(function*() {
      const socket = yield* freshPath("socket")
      const running = yield* Command.start(run("listens-late.mjs", [socket, "late"], { stdin: "pipe" }))
      assert.include(yield* refusal(running, Readiness.socket(socket)), "ENOENT")
      yield* running.stdin.writeLine("listen")
      yield* running.waitForSocket(socket)
      yield* running.waitForPath(socket)
      const cwd = path.dirname(socket)
      const writes = yield* Command.start(sh("sleep 0.1; echo $$ > pid; exec sleep 60", [], { cwd }))
      yield* writes.waitForPath("pid")
      assert.isTrue(fs.existsSync(path.join(cwd, "pid")))
      yield* running.kill
      // Its file is still there, and nobody listens.
      assert.include((yield* reasonOf(running.waitForSocket(socket))).message, "ECONNREFUSED")
    }))

  it.effect("a sentinel that was published right before the exit is seen", () =>
    Effect.gen(function*() {
      const sentinel = yield* freshPath("done")
      const running = yield* Command.start(sh("sleep 0.1; : > \"$1\"", [sentinel]))
      yield* running.waitForPath(sentinel)
    }))

  it.effect("an answer over HTTP has to have the right status", () =>
    Effect.gen(function*() {
      const port = yield* freePort
      const running = yield* Command.start(run("unavailable-at-first.mjs", [String(port)]))
      yield* running.waitForHttp(`http://localhost:${port}/health`)
      assert.strictEqual(yield* running.waitForLine("4"), "4")
      const never = Readiness.http(`http://127.0.0.1:${port}/`, { status: [204, 503] })
      assert.include(yield* refusal(running, never), `127.0.0.1:${port}: 127.0.0.1 status 200`)
    }))

  it.effect.runIf(hasOpenssl)(
    "over TLS the certificate has to be one that is trusted, for the name that is asked",
    () =>
      Effect.gen(function*() {
        const port = yield* freePort
        const [certificate, key] = [yield* freshPath("certificate.pem"), yield* freshPath("key.pem")]
        const how = "req -x509 -nodes -newkey rsa:2048 -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
        execFileSync("openssl", [...how.split(" "), "-out", certificate, "-keyout", key], { stdio: "ignore" })
        const running = yield* Command.start(run("signs-its-own-certificate.mjs", [String(port), certificate, key]))
        const url = `https://localhost:${port}/`
        yield* running.waitForHttp(url, { certificate: "any" })
        const signedBy = fs.readFileSync(certificate, "utf8")
        yield* running.waitForHttp(url, { certificate: { signedBy } })
        assert.include(yield* refusal(running, Readiness.http(url)), "DEPTH_ZERO_SELF_SIGNED_CERT")
        const misnamed = Readiness.http(`https://127.0.0.1:${port}/`, { certificate: { signedBy } })
        assert.include(yield* refusal(running, misnamed), "ERR_TLS_CERT_ALTNAME_INVALID")
      })
  )

  it.effect("a request that is never answered is given up and made anew", () =>
    Effect.gen(function*() {
      const port = yield* freePort
      const running = yield* Command.start(run("leaves-first-request-open.mjs", [String(port)]))
      yield* running.waitForPort(port)
      const url = `http://ada:secret@localhost:${port}/health?a=b#c`
      // Long enough for the request to be made, whatever else the machine does.
      const reason = yield* reasonOf(running.waitForHttp(url, { within: allowance(500), attempt: "1 minute" }))
      assert.strictEqual(reason._tag, "NotReady")
      assert.notInclude(reason.message, "secret")
      const asked = `GET /health?a=b localhost:${port} Basic ${btoa("ada:secret")}`
      assert.strictEqual(yield* running.waitForLine("GET"), asked)
      yield* running.waitForHttp(url)
      const other = yield* freePort
      const slow = yield* Command.start(run("leaves-first-request-open.mjs", [String(other)]))
      yield* slow.waitForPort(other)
      yield* slow.waitForHttp(`http://localhost:${other}`, { attempt: "200 millis" })
    }))

  it.effect("a server that does not speak HTTP is a reason", () =>
    Effect.gen(function*() {
      const port = yield* freePort
      const script =
        "const s=require('net').createServer(c=>c.on('error',()=>{}).end('nonsense\\r\\n\\r\\n'));s.listen(+process.argv[1])"
      const running = yield* Command.start(Command.make(process.execPath, ["-e", script, String(port)]))
      yield* running.waitForPort(port)
      assert.match(yield* refusal(running, Readiness.http(`http://127.0.0.1:${port}`)), /HPE_|ECONNRESET/)
    }))

  it.effect("hundreds of looks leave no descriptor behind, whether they fail, succeed or are interrupted", () =>
    Effect.gen(function*() {
      const port = yield* freePort
      const running = yield* Command.start(run("listens-late.mjs", [`127.0.0.1:${port}`, "at-once"]))
      yield* running.waitForPort(port)
      yield* Effect.exit(running.waitForHttp(`http://localhost:${port}`, { within: "50 millis" }))
      const before = openDescriptors()
      const closed = yield* freePort
      const looks = [
        probes.port("localhost", port),
        probes.port("localhost", closed),
        probes.http(new URL(`http://localhost:${port}`), () => true),
        probes.socket("/nonexistent"),
        probes.path("/nonexistent")
      ]
      yield* Effect.forEach(
        Array.from({ length: 60 }),
        () => Effect.forEach(looks, (look) => Effect.exit(Effect.timeoutOption(look, "5 millis"))),
        { concurrency: 4 }
      )
      yield* eventually("all descriptors are closed", () => openDescriptors() <= before)
      stillRuns(running.pid)
    }))

  it.effect("a deadline of the program ends it, and one of a wait does not", () =>
    Effect.gen(function*() {
      const running = yield* Command.start(sh("sleep 60", [], { timeout: "2 seconds" }))
      const early = yield* reasonOf(running.waitForLine("x", { within: "50 millis" }))
      assert.deepInclude(early, { _tag: "NotReady", ended: undefined })
      const reason = yield* reasonOf(running.waitForLine("x"))
      assert.deepInclude(reason, { _tag: "NotReady", ended: Outcome.signaled("SIGTERM", 15, false) })
      assert.strictEqual((yield* running.outcome)._tag, "TimedOut")
    }))

  it.effect("what was ready in time is ready, and no look is made up for, where the owner was busy", () =>
    Effect.gen(function*() {
      const file = yield* freshPath("said")
      const running = yield* Command.start(sh("echo READY; : > \"$1\"; exec sleep 60", [file]))
      let asked = 0
      const no = Effect.sync(() => ++asked < 0)
      const asking = yield* Effect.forkChild(reasonOf(running.waitFor(no, { within: "700 millis" })), {
        startImmediately: true
      })
      const line = yield* Effect.forkChild(running.waitForLine("READY", { within: "100 millis" }), {
        startImmediately: true
      })
      beBusy(500, () => fs.existsSync(file))
      assert.strictEqual(yield* Fiber.join(line), "READY")
      yield* Fiber.join(asking)
      // Four after the half second, at most, and one or two before it.
      assert.isBelow(asked, 8)
    }))

  it.effect("a member of a group becomes ready as any other, and its sibling decides for itself", () =>
    Effect.gen(function*() {
      const group = yield* ProcessGroup.make
      const [port, other] = [yield* freePort, yield* freePort]
      const first = yield* group.start(run("listens-late.mjs", [`127.0.0.1:${port}`, "at-once"]))
      const second = yield* group.start(sh("exit 1"))
      const either = yield* Effect.forkChild(
        first.waitFor(Readiness.all([Readiness.port(port), Readiness.effect(Effect.sleep("10 millis"))]))
      )
      assert.deepInclude(yield* reasonOf(second.waitForPort(other)), { ended: Outcome.exited(1) })
      yield* Fiber.join(either)
    }))

  it.effect("nothing is left when a scope closes during a wait", () =>
    Effect.gen(function*() {
      const port = yield* freePort
      const wait = Effect.scoped(Effect.gen(function*() {
        const running = yield* Command.start(run("leaves-first-request-open.mjs", [String(port)]))
        yield* running.waitForPort(port)
        yield* running.waitForHttp(`http://localhost:${port}`)
      }))
      yield* Effect.timeoutOption(wait, "600 millis")
      assert.deepEqual(survivors(), [])
    }))
})

layer(NodeProcessRunner.layer)("readiness under a virtual clock", (it) => {
  it.effect("the clock says how long to wait and when to look, and the world is the real one", () =>
    Effect.gen(function*() {
      const port = yield* freePort
      const running = yield* Command.start(Command.make("sleep", ["60"]))
      const fiber = yield* Effect.forkChild(reasonOf(running.waitForPort(port, { within: "1 minute" })))
      yield* throughout("it waits", () => fiber.pollUnsafe() === undefined)
      yield* TestClock.adjust(Duration.minutes(1))
      assert.include((yield* Fiber.join(fiber)).message, "ECONNREFUSED")
    }))
})
