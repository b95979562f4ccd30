/** git as a service: a dozen operations with types, on one client. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type * as Stream from "effect/Stream"
import * as CliClient from "processkit/CliClient"
import type * as ProcessError from "processkit/ProcessError"
import type * as ProcessRunner from "processkit/ProcessRunner"
import * as RetryPolicy from "processkit/RetryPolicy"

export interface Change {
  readonly path: string
  readonly index: string
  readonly worktree: string
}

export interface Commit {
  readonly hash: string
  readonly author: string
  readonly subject: string
}

type Answer<A> = Effect.Effect<A, ProcessError.ProcessError>

export class Git extends Context.Service<Git, {
  readonly version: Answer<string>
  readonly currentBranch: Answer<Option.Option<string>>
  readonly isClean: Answer<boolean>
  readonly status: Answer<ReadonlyArray<Change>>
  readonly log: (most: number) => Answer<ReadonlyArray<Commit>>
  readonly branches: Answer<ReadonlyArray<string>>
  readonly resolve: (revision: string) => Answer<Option.Option<string>>
  readonly add: (...paths: ReadonlyArray<string>) => Answer<void>
  readonly commit: (message: string) => Answer<void>
  readonly checkout: (branch: string) => Answer<void>
  readonly fetch: (remote: string) => Answer<void>
  readonly configValue: (key: string) => Answer<Option.Option<string>>
  readonly files: Stream.Stream<string, ProcessError.ProcessError>
}>()("examples/Git") {
  /** git in a directory. */
  static readonly layer = (cwd: string): Layer.Layer<Git, never, ProcessRunner.ProcessRunner> =>
    Layer.effect(this, Effect.map(CliClient.make("git", { ...defaults, cwd }), fromClient))
}

const defaults: CliClient.Defaults = {
  timeout: "30 seconds",
  // No prompt for a password, no pager, no translated messages.
  env: { GIT_TERMINAL_PROMPT: "0", GIT_PAGER: "cat", LC_ALL: "C" }
}

const offline = RetryPolicy.says("could not resolve host", "connection reset", "connection timed out")

const fromClient = (git: CliClient.CliClient): Git["Service"] => ({
  version: git.parse(["--version"], (text) => text.replace("git version ", "").trim()),
  currentBranch: git.parse(["branch", "--show-current"], nonEmpty),
  isClean: git.parse(["status", "--porcelain"], (text) => text === ""),
  status: git.tryParse(["status", "--porcelain", "-z"], changes),
  log: (most) => git.tryParse(["log", `--max-count=${most}`, "-z", "--format=%H%x1f%an%x1f%s"], commits),
  branches: git.parse(["for-each-ref", "--format=%(refname:short)", "refs/heads"], lines),
  resolve: (revision) =>
    // A revision is no path: here `--end-of-options` does what `--` does elsewhere.
    git.parse(["rev-parse", "--verify", "--quiet", "--end-of-options", revision], nonEmpty, { okCodes: [0, 1] }),
  add: (...paths) => git.runUnit(["add", ...CliClient.operands(...paths)]),
  // The message goes through standard input, where nobody on the machine can read it, whatever it begins with.
  commit: (message) => git.runUnit(["commit", "--quiet", "--file=-"], { stdin: new TextEncoder().encode(message) }),
  checkout: (branch) => git.runUnit(["switch", "--quiet", ...CliClient.operands(branch)]),
  fetch: (remote) =>
    git.runUnit(["fetch", "--quiet", ...CliClient.operands(remote)], {
      timeout: "5 minutes",
      retry: RetryPolicy.exponential({ attempts: 4, base: "1 second", while: offline })
    }),
  configValue: (key) => git.parse(["config", "--get", key], nonEmpty, { okCodes: [0, 1] }),
  files: git.stdoutLines(["ls-files"])
})

const nonEmpty = (text: string): Option.Option<string> => text.trim() === "" ? Option.none() : Option.some(text.trim())

const lines = (text: string): ReadonlyArray<string> => text.split("\n").filter((line) => line !== "")

/** Records that end with NUL: nothing else is safe for names of files. */
const records = (text: string): ReadonlyArray<string> => text.split("\0").filter((record) => record !== "")

const changes = (text: string): Result.Result<ReadonlyArray<Change>, string> => {
  const found: Array<Change> = []
  const all = records(text)
  for (let i = 0; i < all.length; i++) {
    const match = /^(.)(.) ([^]+)$/.exec(all[i] ?? "")
    if (match === null) return Result.fail(`record ${i + 1} is no change`)
    const [, index = " ", worktree = " ", path = ""] = match
    found.push({ path, index, worktree })
    // What was renamed or copied names its origin in a record of its own.
    if (index === "R" || index === "C") i++
  }
  return Result.succeed(found)
}

const commits = (text: string): Result.Result<ReadonlyArray<Commit>, string> => {
  const found: Array<Commit> = []
  for (const record of records(text)) {
    const [hash, author, subject] = record.split("\x1f")
    if (hash === undefined || author === undefined || subject === undefined) {
      return Result.fail("a commit has no subject")
    }
    found.push({ hash, author, subject })
  }
  return Result.succeed(found)
}
