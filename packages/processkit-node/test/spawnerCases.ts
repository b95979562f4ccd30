/**
 * What a `ChildProcessSpawner` does, as data: an observation and what it shall be.
 *
 * The cases run against Effect's own Node layer and against the bridge. Where the two are meant to differ, both
 * observations are written down with the number of the difference in `docs/bridge.md`.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as PlatformError from "effect/PlatformError"
import * as ChildProcess from "effect/process/ChildProcess"
import { type ChildProcessHandle, ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import * as fs from "node:fs"
import * as os from "node:os"
import { isAlive } from "./oracle.ts"
import { allowance } from "./slowness.ts"
import { carriers, killAll } from "./survivors.ts"
import { eventually } from "./world.ts"

export interface Case {
  readonly name: string
  readonly observe: Effect.Effect<unknown, unknown, ChildProcessSpawner | Scope.Scope>
  readonly expected: unknown
  /** Set where the bridge is meant to differ: what it shall be there, and the number of the difference in the guide. */
  readonly bridge?: { readonly expected: unknown; readonly difference: number }
  /** Set where Effect's layer leaves a descriptor open until its process ends, so that it is not run there. */
  readonly leaksThere?: true
}

type Options = ChildProcess.CommandOptions

const sh = (script: string, options: Options = {}): ChildProcess.StandardCommand =>
  ChildProcess.make("/bin/sh", ["-c", script], options)

const bytes = (...texts: ReadonlyArray<string>): Stream.Stream<Uint8Array> =>
  Stream.fromIterable(texts.map((text) => new TextEncoder().encode(text)))

const text = <E>(stream: Stream.Stream<Uint8Array, E>) => Stream.mkString(Stream.decodeText(stream))

const spawner = ChildProcessSpawner

const string = (command: ChildProcess.Command, options?: { readonly includeStderr?: boolean }) =>
  Effect.flatMap(spawner, (service) => service.string(command, options))

const lines = (command: ChildProcess.Command) => Effect.flatMap(spawner, (service) => service.lines(command))

const code = (command: ChildProcess.Command) => Effect.flatMap(spawner, (service) => service.exitCode(command))

const outputOf = (command: ChildProcess.Command) => Effect.flatMap(command, (handle) => text(handle.stdout))

/** The tag of a failure and the method it names, or what kind of defect it was. */
const failure = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.exit(effect), (exit) => {
    if (Exit.isSuccess(exit)) return "no failure"
    const [reason] = exit.cause.reasons
    if (reason?._tag !== "Fail") return reason?._tag
    return PlatformError.isPlatformError(reason.error) ? reason.error.reason._tag : "another error"
  })

/** An effect that may never end, given up after a while. */
const within = <A, E, R>(effect: Effect.Effect<A, E, R>, milliseconds = 3000) =>
  Effect.map(
    Effect.timeoutOption(effect, Duration.millis(allowance(milliseconds))),
    (found) => found._tag === "Some" ? found.value : "hangs"
  )

let marks = 0

/** Runs something with a mark in the environment, and counts who carries it afterwards; then nobody does. */
const leftBehind = (
  use: (env: Record<string, string>) => Effect.Effect<unknown, unknown, ChildProcessSpawner | Scope.Scope>
) =>
  Effect.suspend(() => {
    const mark = `BRIDGE_MARK=${process.pid}-${marks++}`
    const [name = "", value = ""] = mark.split("=")
    return Effect.gen(function*() {
      yield* Effect.scoped(Effect.ignore(use({ [name]: value })))
      const over = performance.now() + allowance(500)
      yield* eventually("they are gone or stay", () => carriers(mark).length === 0 || performance.now() > over)
      const left = carriers(mark)
      killAll(left)
      return left.length
    })
  })

/** The environment of the owner with something added. */
const adding = (env: Record<string, string>): Options => ({ env, extendEnv: true })

const started = (handle: ChildProcessHandle) => Stream.runHead(handle.stdout)

const echoes = "echo ready; while :; do sleep 0.05; done"

const running: ReadonlyArray<Case> = [
  {
    name: "gives the output of a command as text",
    observe: string(ChildProcess.make("echo", ["hello"])),
    expected: "hello\n"
  },
  { name: "gives its lines", observe: lines(sh("printf 'a\\nb\\r\\nc'")), expected: ["a", "b", "c"] },
  { name: "gives no line of nothing", observe: lines(sh("true")), expected: [] },
  { name: "gives the exit code", observe: code(sh("exit 0")), expected: 0 },
  { name: "takes any exit code for a code", observe: code(sh("exit 7")), expected: 7 },
  {
    name: "gives the output of a command that failed",
    observe: string(sh("echo partial; exit 3")),
    expected: "partial\n"
  },
  {
    name: "streams text",
    observe: Effect.flatMap(spawner, (service) => Stream.mkString(service.streamString(sh("echo a; echo b")))),
    expected: "a\nb\n"
  },
  {
    name: "streams lines",
    observe: Effect.flatMap(spawner, (service) => Stream.runCollect(service.streamLines(sh("echo a; echo b")))),
    expected: ["a", "b"]
  },
  {
    name: "leaves standard error out",
    observe: string(sh("echo out; echo err >&2")),
    expected: "out\n"
  },
  {
    name: "includes standard error where that is asked for",
    observe: Effect.map(
      string(sh("echo out; echo err >&2"), { includeStderr: true }),
      (all) => all.split("\n").toSorted()
    ),
    expected: ["", "err", "out"]
  },
  {
    name: "passes arguments as they are",
    observe: string(ChildProcess.make("printf", ["%s|", "a b", "", "$HOME", "*", "é\n"])),
    expected: "a b||$HOME|*|é\n|"
  },
  {
    name: "passes the holes of a template as they are",
    observe: string(ChildProcess.make`printf "%s|" ${"a b"} ${["c", "; d"]}`),
    expected: "a b|c|; d|"
  },
  {
    name: "passes secrets on",
    observe: string(ChildProcess.make("echo", [Redacted.make("s3cret")])),
    expected: "s3cret\n"
  },
  {
    name: "decodes characters that come in pieces",
    observe: string(sh("printf '\\303'; sleep 0.1; printf '\\251'")),
    expected: "é"
  },
  {
    name: "runs many commands at once",
    observe: Effect.map(
      Effect.forEach(Array.from({ length: 20 }, (_, i) => i), (i) => string(sh(`echo ${i}`)), { concurrency: 10 }),
      (all) => all.join("")
    ),
    expected: Array.from({ length: 20 }, (_, i) => `${i}\n`).join("")
  },
  {
    name: "runs the same command again",
    observe: Effect.gen(function*() {
      const command = sh("echo x")
      return [yield* string(command), yield* string(command)]
    }),
    expected: ["x\n", "x\n"]
  }
]

const environment: ReadonlyArray<Case> = [
  { name: "runs in a directory", observe: string(sh("pwd -P", { cwd: "/" })), expected: "/\n" },
  {
    name: "fails for a directory that does not exist",
    observe: failure(sh("true", { cwd: "/no/such/directory" })),
    expected: "NotFound"
  },
  {
    name: "fails for a directory that is a file",
    observe: failure(sh("true", { cwd: "/etc/passwd" })),
    expected: "Die",
    bridge: { expected: "BadResource", difference: 5 }
  },
  {
    name: "replaces the environment",
    observe: string(sh("echo \"$A ${HOME-none}\"", { env: { A: "1" } })),
    expected: "1 none\n"
  },
  {
    name: "adds to the environment",
    observe: string(sh("echo \"$A ${PATH:+path}\"", adding({ A: "1" }))),
    expected: "1 path\n"
  },
  {
    name: "removes a variable",
    observe: string(sh("echo ${HOME-none}", { env: { HOME: undefined }, extendEnv: true })),
    expected: "none\n"
  },
  {
    name: "passes secrets by environment",
    observe: string(sh("echo $TOKEN", { env: { TOKEN: Redacted.make("s3cret") } })),
    expected: "s3cret\n"
  },
  {
    name: "locates a program where the environment has no PATH",
    observe: string(ChildProcess.make("echo", ["found"], { env: { A: "1" } })),
    expected: "found\n"
  },
  { name: "inherits the environment by default", observe: string(sh("echo ${PATH:+path}")), expected: "path\n" },
  {
    name: "runs a script in a shell",
    observe: string(ChildProcess.make("echo a | tr a b", { shell: true })),
    expected: "b\n"
  },
  {
    name: "runs a script in the shell that is named",
    observe: string(ChildProcess.make("echo $0", { shell: "/bin/sh" })),
    expected: "/bin/sh\n"
  },
  {
    name: "refuses arguments for a script",
    observe: failure(ChildProcess.make("echo", ["a"], { shell: true })),
    expected: "BadArgument"
  },
  {
    name: "accepts windowsHide and detached: true",
    observe: string(sh("echo x", { windowsHide: true, detached: true })),
    expected: "x\n"
  },
  {
    name: "starts a child in the session of its owner",
    observe: failure(sh("true", { detached: false })),
    expected: "no failure",
    bridge: { expected: "BadArgument", difference: 2 }
  }
]

const failures: ReadonlyArray<Case> = [
  {
    name: "fails for a program that does not exist",
    observe: failure(ChildProcess.make("no-such-program")),
    expected: "NotFound"
  },
  {
    name: "fails so for its derived operations",
    observe: failure(string(ChildProcess.make("no-such-program"))),
    expected: "NotFound"
  },
  {
    name: "fails for a file that may not be executed",
    observe: failure(ChildProcess.make("/etc/passwd")),
    expected: "PermissionDenied"
  },
  {
    name: "refuses NUL in an argument",
    observe: failure(ChildProcess.make("echo", ["a\0b"])),
    expected: "BadArgument"
  },
  { name: "refuses NUL in a variable", observe: failure(sh("true", { env: { A: "a\0b" } })), expected: "BadArgument" },
  {
    name: "fails for arguments that are too long",
    observe: failure(ChildProcess.make("echo", ["x".repeat(3_000_000)])),
    expected: "Die",
    bridge: { expected: "Unknown", difference: 5 }
  },
  {
    name: "shows no secret in an error",
    observe: Effect.map(
      Effect.flip(ChildProcess.make("no-such-program", [Redacted.make("s3cret")])),
      (error) => JSON.stringify(error).includes("s3cret")
    ),
    expected: false
  },
  {
    name: "shows arguments in an error",
    observe: Effect.map(
      Effect.flip(ChildProcess.make("no-such-program", ["--token=s3cret"])),
      (error) => error.message.includes("s3cret")
    ),
    expected: true,
    bridge: { expected: false, difference: 6 }
  },
  {
    name: "fails the exit code of a program that a signal killed, and says which",
    observe: Effect.map(Effect.flip(code(sh("kill -9 $$"))), (error) => [
      error.reason._tag,
      String(error.reason.cause).includes("signal: 'SIGKILL'")
    ]),
    expected: ["Unknown", true]
  }
]

const handles: ReadonlyArray<Case> = [
  {
    name: "has the id of the process",
    observe: Effect.flatMap(
      sh("echo $$"),
      (handle) => Effect.map(text(handle.stdout), (said) => Number(said) === handle.pid)
    ),
    expected: true
  },
  {
    name: "knows whether the process runs",
    observe: Effect.gen(function*() {
      const handle = yield* sh("cat")
      const before = yield* handle.isRunning
      yield* Stream.run(Stream.empty, handle.stdin)
      yield* handle.exitCode
      return [before, yield* handle.isRunning]
    }),
    expected: [true, false]
  },
  {
    name: "gives the exit code again and again",
    observe: Effect.flatMap(sh("exit 5"), ({ exitCode }) => Effect.all([exitCode, exitCode, exitCode])),
    expected: [5, 5, 5]
  },
  {
    name: "has both streams",
    observe: Effect.flatMap(
      sh("echo out; echo err >&2"),
      (handle) => Effect.all([text(handle.stdout), text(handle.stderr)], { concurrency: 2 })
    ),
    expected: ["out\n", "err\n"]
  },
  {
    name: "merges them",
    observe: Effect.map(
      Effect.flatMap(sh("echo out; echo err >&2"), (handle) => text(handle.all)),
      (all) => all.split("\n").toSorted()
    ),
    expected: ["", "err", "out"]
  },
  {
    name: "keeps output for a reader that comes after the exit",
    observe: Effect.gen(function*() {
      const handle = yield* sh("echo late; echo too >&2")
      yield* handle.exitCode
      yield* Effect.sleep(100)
      return [yield* text(handle.stdout), yield* text(handle.stderr)]
    }),
    expected: ["late\n", "too\n"]
  },
  {
    name: "keeps 60 kB for a reader that comes late",
    observe: Effect.gen(function*() {
      const handle = yield* sh("head -c 60000 /dev/zero")
      yield* handle.exitCode
      return (yield* text(handle.stdout)).length
    }),
    expected: 60_000
  },
  {
    name: "keeps output for a reader that comes after its scope closed",
    observe: Effect.gen(function*() {
      const handle = yield* Effect.scoped(Effect.tap(sh("echo kept"), (handle) => handle.exitCode))
      return yield* text(handle.stdout)
    }),
    expected: "kept\n"
  },
  {
    name: "lets a program end that printed 1 MB to nobody",
    observe: Effect.flatMap(
      sh("head -c 1000000 /dev/zero"),
      (handle) => Effect.tap(within(handle.exitCode, 1500), () => Stream.runDrain(handle.stdout))
    ),
    expected: "hangs",
    bridge: { expected: 0, difference: 7 }
  },
  {
    name: "gives 20 MB unchanged",
    observe: Effect.flatMap(
      sh("head -c 20000000 /dev/zero"),
      (handle) => Stream.runFold(handle.stdout, () => 0, (sum, chunk) => sum + chunk.length)
    ),
    expected: 20_000_000
  },
  {
    name: "holds up a program whose reader is slow",
    observe: Effect.gen(function*() {
      const file = `${os.tmpdir()}/bridge-${process.pid}-progress`
      const handle = yield* sh(`for i in $(seq 40); do head -c 1000000 /dev/zero; echo $i > ${file}; done`)
      yield* Effect.sleep(500)
      const written = fs.existsSync(file) ? Number(fs.readFileSync(file, "utf8")) : 0
      const all = yield* Stream.runFold(handle.stdout, () => 0, (sum, chunk) => sum + chunk.length)
      fs.rmSync(file)
      return [written < 10, all]
    }),
    expected: [true, 40_000_000]
  },
  {
    name: "gives a second reader nothing",
    observe: Effect.gen(function*() {
      const handle = yield* sh("echo once")
      return [yield* text(handle.stdout), yield* within(text(handle.stdout), 1000)]
    }),
    expected: ["once\n", ""]
  },
  {
    name: "lets a program go on whose reader left",
    observe: Effect.gen(function*() {
      const handle = yield* sh("echo first; head -c 3000000 /dev/zero; exit 4")
      yield* started(handle)
      return yield* within(handle.exitCode, 1500)
    }),
    leaksThere: true,
    expected: "hangs",
    bridge: { expected: 4, difference: 7 }
  },
  {
    name: "has empty streams where they are not pipes",
    observe: Effect.flatMap(
      sh("echo x; echo y >&2", { stdout: "ignore", stderr: "ignore" }),
      (handle) => Effect.all([text(handle.stdout), text(handle.stderr), text(handle.all), handle.exitCode])
    ),
    expected: ["", "", "", 0]
  },
  { name: "takes overlapped for a pipe", observe: outputOf(sh("echo x", { stdout: "overlapped" })), expected: "x\n" },
  {
    name: "runs output through a sink",
    observe: Effect.flatMap(
      sh("printf abc", {
        stdout: Sink.map(Sink.take<Uint8Array>(1), ([chunk]) => chunk ?? new Uint8Array(0)) as never
      }),
      (handle) => text(handle.stdout)
    ),
    expected: "abc"
  },
  {
    name: "gives the exit code before a descendant lets go of the pipe",
    observe: Effect.map(
      within(Effect.flatMap(sh("sleep 60 & exit 0"), ({ exitCode }) => exitCode), 1000),
      (found) => found
    ),
    expected: 0
  },
  {
    name: "gives the text of a command whose descendant keeps the pipe",
    observe: within(string(sh("sleep 60 & echo done")), 2500),
    expected: "hangs",
    bridge: { expected: "done\n", difference: 8 }
  },
  {
    name: "has no other descriptors than were asked for",
    observe: Effect.flatMap(
      sh("true"),
      (handle) =>
        Effect.all([text(handle.getOutputFd(3)), Effect.as(Stream.run(bytes("x"), handle.getInputFd(3)), "drained")])
    ),
    expected: ["", "drained"]
  }
]

const broken = PlatformError.badArgument({ module: "test", method: "source" })

const input: ReadonlyArray<Case> = [
  { name: "feeds a stream", observe: outputOf(ChildProcess.make("cat", { stdin: bytes("a", "b") })), expected: "ab" },
  {
    name: "feeds a stream given with its settings",
    observe: outputOf(ChildProcess.make("cat", { stdin: { stream: bytes("a", "b"), endOnDone: true } })),
    expected: "ab"
  },
  {
    name: "leaves the input open after the stream where that is asked for",
    observe: Effect.gen(function*() {
      const handle = yield* ChildProcess.make("cat", { stdin: { stream: bytes("a"), endOnDone: false } })
      yield* Effect.sleep(200)
      return yield* handle.isRunning
    }),
    expected: true
  },
  {
    name: "writes to the sink of the handle, which ends the input",
    observe: Effect.gen(function*() {
      const handle = yield* ChildProcess.make("cat")
      yield* Stream.run(bytes("to ", "stdin"), handle.stdin)
      return yield* text(handle.stdout)
    }),
    expected: "to stdin"
  },
  {
    name: "waits for input by default",
    observe: Effect.gen(function*() {
      const handle = yield* ChildProcess.make("cat")
      yield* Effect.sleep(200)
      return yield* handle.isRunning
    }),
    expected: true
  },
  {
    name: "has no input where it is ignored",
    observe: outputOf(ChildProcess.make("cat", { stdin: "ignore" })),
    expected: ""
  },
  {
    name: "feeds 5 MB",
    observe: Effect.flatMap(
      ChildProcess.make("wc", ["-c"], {
        stdin: Stream.fromIterable(Array.from({ length: 50 }, () => new Uint8Array(100_000)))
      }),
      (handle) => Effect.map(text(handle.stdout), Number)
    ),
    expected: 5_000_000
  },
  {
    name: "takes a program that reads nothing for a success",
    observe: Effect.flatMap(
      sh("exec <&-; exit 0", { stdin: Stream.fromIterable(Array.from({ length: 50 }, () => new Uint8Array(100_000))) }),
      ({ exitCode }) => within(exitCode)
    ),
    expected: 0
  },
  {
    name: "fails a write to a program that has ended, however long the source",
    observe: Effect.gen(function*() {
      const handle = yield* sh("exit 0")
      yield* handle.exitCode
      yield* Effect.sleep(100)
      return yield* within(failure(Stream.run(Stream.forever(bytes("x".repeat(70_000))), handle.stdin)))
    }),
    expected: "Unknown"
  },
  {
    name: "fails the exit code where the source of its input fails, at once",
    observe: Effect.gen(function*() {
      const handle = yield* sh("sleep 60", { stdin: Stream.concat(bytes("a"), Stream.fail(broken)) })
      return yield* within(failure(handle.exitCode))
    }),
    expected: "BadArgument"
  }
]

const pipelines: ReadonlyArray<Case> = [
  {
    name: "connects two commands",
    observe: outputOf(sh("echo abc").pipe(ChildProcess.pipeTo(ChildProcess.make("tr", ["a-c", "x"])))),
    expected: "xxx\n"
  },
  {
    name: "connects three commands, whichever way they are nested",
    observe: Effect.all([
      string(
        sh("echo c; echo a").pipe(
          ChildProcess.pipeTo(ChildProcess.make("sort")),
          ChildProcess.pipeTo(ChildProcess.make("head", ["-n1"]))
        )
      ),
      string(
        sh("echo c; echo a").pipe(
          ChildProcess.pipeTo(ChildProcess.make("sort").pipe(ChildProcess.pipeTo(ChildProcess.make("head", ["-n1"]))))
        )
      )
    ]),
    expected: ["a\n", "a\n"]
  },
  {
    name: "gives the exit code of the last stage",
    observe: code(sh("exit 3").pipe(ChildProcess.pipeTo(sh("cat >/dev/null; exit 4")))),
    expected: 4
  },
  {
    name: "pipes standard error",
    observe: string(
      sh("echo out; echo err >&2").pipe(ChildProcess.pipeTo(ChildProcess.make("cat"), { from: "stderr" }))
    ),
    expected: "err\n"
  },
  {
    name: "pipes both streams",
    observe: string(sh("echo out; echo err >&2").pipe(ChildProcess.pipeTo(ChildProcess.make("sort"), { from: "all" }))),
    expected: "err\nout\n"
  },
  {
    name: "ends an endless producer whose reader left",
    observe: within(string(ChildProcess.make("yes").pipe(ChildProcess.pipeTo(ChildProcess.make("head", ["-n", "1"]))))),
    expected: "y\n"
  },
  {
    name: "ends an endless producer below a shell, too",
    observe: within(
      string(sh("yes; true").pipe(ChildProcess.pipeTo(sh("head -n 1; sleep 0.2; echo end"))))
    ),
    expected: "y\nend\n"
  },
  {
    name: "does not kill a stage for output that it does not write",
    observe: string(
      sh("echo a; sleep 0.3; exit 0").pipe(ChildProcess.pipeTo(sh("head -n 1; exec <&-; sleep 0.5; echo end")))
    ),
    expected: "a\nend\n"
  },
  {
    name: "feeds the first stage through the handle",
    observe: Effect.gen(function*() {
      const handle = yield* ChildProcess.make("cat").pipe(ChildProcess.pipeTo(ChildProcess.make("tr", ["a", "b"])))
      yield* Stream.run(bytes("aaa"), handle.stdin)
      return yield* text(handle.stdout)
    }),
    expected: "bbb"
  },
  {
    name: "passes 10 MB on unchanged",
    observe: Effect.map(
      string(sh("head -c 10000000 /dev/zero").pipe(ChildProcess.pipeTo(ChildProcess.make("wc", ["-c"])))),
      Number
    ),
    expected: 10_000_000
  },
  {
    name: "ends every stage with kill",
    observe: Effect.gen(function*() {
      const handle = yield* sh("sleep 30").pipe(ChildProcess.pipeTo(sh("sleep 30")))
      yield* handle.kill()
      return yield* handle.isRunning
    }),
    expected: false
  },
  {
    name: "leaves nothing where its second stage cannot be started",
    observe: leftBehind((env) =>
      sh("sleep 30", adding(env)).pipe(ChildProcess.pipeTo(ChildProcess.make("no-such-program")))
    ),
    expected: 0
  }
]

const output = { type: "output" } as const

/** A program that says on descriptor 3 what it read there. */
const answers = "read -r line <&3; echo \"got $line\" >&3"

/** Descriptors above the standard ones. */
export const descriptors: ReadonlyArray<Case> = [
  {
    name: "reads what a child writes to another descriptor",
    observe: Effect.gen(function*() {
      const handle = yield* sh("echo three >&3; echo five >&5", { additionalFds: { fd5: output, fd3: output } })
      return [
        yield* text(handle.getOutputFd(3)),
        yield* text(handle.getOutputFd(5)),
        yield* text(handle.getOutputFd(4))
      ]
    }),
    expected: ["three\n", "five\n", ""]
  },
  {
    name: "feeds another descriptor from a stream, to its end",
    observe: outputOf(sh("cat <&3", { additionalFds: { fd3: { type: "input", stream: bytes("a", "b") } } })),
    expected: "ab"
  },
  {
    name: "writes to another descriptor through the sink of the handle, which ends it",
    observe: Effect.gen(function*() {
      const handle = yield* sh("cat <&4", { additionalFds: { fd4: { type: "input" } } })
      yield* Stream.run(bytes("x", "y"), handle.getInputFd(4))
      return [yield* text(handle.stdout), yield* handle.exitCode]
    }),
    expected: ["xy", 0]
  },
  {
    name: "talks both ways over one descriptor",
    observe: Effect.gen(function*() {
      const handle = yield* sh(answers, { additionalFds: { fd3: { type: "duplex", stream: bytes("a line\n") } } })
      return yield* text(handle.getOutputFd(3))
    }),
    expected: "got a line\n"
  },
  {
    name: "lets a sink have what comes from another descriptor",
    observe: Effect.flatMap(
      sh("printf abc >&3", {
        additionalFds: {
          fd3: {
            type: "output",
            sink: Sink.map(Sink.take<Uint8Array>(1), ([chunk]) => chunk ?? new Uint8Array(0)) as never
          }
        }
      }),
      (handle) => text(handle.getOutputFd(3))
    ),
    expected: "abc"
  },
  {
    name: "passes 10 MB over another descriptor unchanged",
    observe: Effect.gen(function*() {
      const handle = yield* sh("head -c 10000000 /dev/zero >&3", { additionalFds: { fd3: output } })
      return yield* Stream.runFold(handle.getOutputFd(3), () => 0, (size, chunk) => size + chunk.length)
    }),
    expected: 10_000_000
  },
  {
    name: "fails with the failure of a stream that feeds another descriptor",
    observe: failure(Effect.flatMap(
      sh("cat <&3", { additionalFds: { fd3: { type: "input", stream: Stream.fail(broken) } } }),
      ({ exitCode }) => exitCode
    )),
    expected: "BadArgument"
  },
  {
    name: "pipes from another descriptor",
    observe: outputOf(
      sh("echo x >&3; echo not this", { additionalFds: { fd3: output } }).pipe(
        ChildProcess.pipeTo(ChildProcess.make("cat"), { from: "fd3" })
      )
    ),
    expected: "x\n"
  },
  {
    name: "pipes to another descriptor",
    observe: outputOf(ChildProcess.make("printf", ["abc"]).pipe(ChildProcess.pipeTo(sh("cat <&3"), { to: "fd3" }))),
    expected: "abc"
  },
  {
    name: "has room for descriptors of any number",
    observe: failure(sh("true", { additionalFds: { fd100: output } })),
    expected: "no failure",
    bridge: { expected: "BadArgument", difference: 1 }
  }
]

const ending: ReadonlyArray<Case> = [
  {
    name: "ends the process with the scope",
    observe: Effect.gen(function*() {
      const { pid } = yield* Effect.scoped(Effect.tap(sh(echoes), started))
      return isAlive(pid)
    }),
    expected: false
  },
  {
    name: "ends its descendants with the scope",
    observe: leftBehind((env) => Effect.flatMap(sh("sleep 30 & echo ready; wait", adding(env)), started)),
    expected: 0
  },
  {
    name: "ends descendants that left for sessions of their own",
    observe: leftBehind((env) =>
      Effect.flatMap(sh("setsid sh -c 'echo ready; exec sleep 30 >/dev/null 2>&1' & wait", adding(env)), started)
    ),
    expected: 1,
    bridge: { expected: 0, difference: 3 }
  },
  {
    name: "ends what a program that ended well left behind, with the scope",
    observe: leftBehind((env) =>
      Effect.flatMap(sh("sleep 30 >/dev/null 2>&1 & exit 0", adding(env)), ({ exitCode }) => exitCode)
    ),
    expected: 0
  },
  {
    name: "ends what a program that failed left behind, at once",
    observe: Effect.gen(function*() {
      const handle = yield* sh("sleep 30 >/dev/null 2>&1 & echo $!; exit 1")
      const pid = Number(yield* text(handle.stdout))
      yield* eventually("the descendant is gone", () => !isAlive(pid), 2500)
      return isAlive(pid)
    }),
    expected: false
  },
  {
    name: "ends the process when its fiber is interrupted",
    observe: leftBehind((env) =>
      Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(string(sh(echoes, adding(env))), { startImmediately: true })
        yield* Effect.sleep(200)
        yield* Fiber.interrupt(fiber)
      })
    ),
    expected: 0
  },
  {
    name: "kills and waits",
    observe: Effect.gen(function*() {
      const handle = yield* sh("sleep 30")
      yield* handle.kill()
      return [isAlive(handle.pid), yield* failure(handle.exitCode)]
    }),
    expected: [false, "Unknown"]
  },
  {
    name: "kills with the signal that is asked for",
    observe: Effect.gen(function*() {
      const handle = yield* sh("trap 'exit 9' INT; echo ready; while :; do sleep 0.05; done")
      yield* started(handle)
      yield* handle.kill({ killSignal: "SIGINT" })
      return yield* handle.exitCode
    }),
    expected: 9
  },
  {
    name: "ends the scope with the signal of the command",
    observe: Effect.gen(function*() {
      const handle = yield* Effect.scoped(Effect.tap(
        sh("trap 'exit 9' INT; echo ready; while :; do sleep 0.05; done", { killSignal: "SIGINT" }),
        started
      ))
      return yield* handle.exitCode
    }),
    expected: 9
  },
  {
    name: "forces the end of a program that ignores its signal",
    observe: Effect.gen(function*() {
      const handle = yield* sh("trap '' TERM; echo ready; while :; do sleep 0.05; done")
      yield* started(handle)
      const began = performance.now()
      yield* handle.kill({ forceKillAfter: "200 millis" })
      return [isAlive(handle.pid), performance.now() - began >= 190]
    }),
    expected: [false, true]
  },
  {
    name: "forces it as the command says when the scope closes",
    observe: Effect.gen(function*() {
      const { pid } = yield* Effect.scoped(Effect.tap(
        sh("trap '' TERM; echo ready; while :; do sleep 0.05; done", { forceKillAfter: "200 millis" }),
        started
      ))
      return isAlive(pid)
    }),
    expected: false
  },
  {
    name: "ends a program that ignores its signal when nobody said how long that may take",
    observe: Effect.gen(function*() {
      const handle = yield* sh("trap '' TERM; echo ready; while :; do sleep 0.05; done", {
        forceKillAfter: "100 millis"
      })
      yield* started(handle)
      return yield* within(Effect.map(handle.kill(), () => "ended"), 4000)
    }),
    expected: "hangs",
    bridge: { expected: "ended", difference: 4 }
  },
  {
    name: "kills a program that has ended",
    observe: Effect.gen(function*() {
      const handle = yield* sh("exit 0")
      yield* handle.exitCode
      return yield* failure(handle.kill())
    }),
    expected: "Unknown",
    bridge: { expected: "no failure", difference: 9 }
  },
  {
    name: "refuses a signal that is none",
    observe: Effect.gen(function*() {
      const handle = yield* sh("sleep 30")
      return yield* failure(handle.kill({ killSignal: "SIGNOTHING" as never }))
    }),
    expected: "Die",
    bridge: { expected: "BadArgument", difference: 5 }
  },
  {
    name: "lets an unreferenced process live beyond its scope",
    observe: Effect.gen(function*() {
      const handle = yield* Effect.scoped(Effect.tap(sh("sleep 30"), ({ unref }) => unref))
      const lived = isAlive(handle.pid)
      yield* handle.kill()
      return [lived, isAlive(handle.pid)]
    }),
    expected: [true, false]
  },
  {
    name: "ends a process that was referenced again",
    observe: Effect.gen(function*() {
      const handle = yield* Effect.scoped(Effect.tap(sh("sleep 30"), ({ unref }) => Effect.flatten(unref)))
      return isAlive(handle.pid)
    }),
    expected: false
  },
  {
    name: "leaves nothing of a start that was interrupted",
    observe: leftBehind((env) =>
      Effect.forEach(Array.from({ length: 8 }, (_, i) => i), (i) =>
        Effect.gen(function*() {
          const fiber = yield* Effect.forkChild(
            Effect.scoped(Effect.andThen(sh("sleep 30", adding(env)), Effect.never)),
            {
              startImmediately: true
            }
          )
          yield* Effect.sleep(i % 7)
          yield* Fiber.interrupt(fiber)
        }))
    ),
    expected: 0
  },
  {
    name: "is usable after failures",
    observe: Effect.gen(function*() {
      const results = yield* Effect.forEach(
        Array.from({ length: 5 }, () => ChildProcess.make("no-such-program")),
        (command) => Effect.result(string(command))
      )
      return [results.every(Result.isFailure), yield* string(sh("echo fine"))]
    }),
    expected: [true, "fine\n"]
  }
]

export const cases: ReadonlyArray<Case> = [
  ...running,
  ...environment,
  ...failures,
  ...handles,
  ...input,
  ...pipelines,
  ...descriptors,
  ...ending
]
