import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { execFile, spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { promisify } from "node:util"
import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
import * as Command from "processkit/Command"
import * as ProcessError from "processkit/ProcessError"
import * as ProcessGroup from "processkit/ProcessGroup"
import * as Identity from "../src/internal/identity.ts"
import { hasIonice, hostedAttributes } from "./attributeCapabilities.ts"
import { hasCgroups, type Hosted, mechanisms, ownCgroup } from "./hostedWorld.ts"
import { delegate, inCgroup } from "./hostWorld.ts"
import { eventually, hasProc, survivors } from "./oracle.ts"
import { canBecomeOther, missingForOther } from "./otherUsers.ts"
import { fixture, has, isRoot, reasonOf, sh } from "./programs.ts"

/** A line of `/proc/self/status` of a program that was started with the options. */
const statusOf = (name: string, options: Command.Options) =>
  Effect.map(
    Command.run(Command.make("/bin/cat", ["/proc/self/status"], options)),
    (text) => new RegExp(`^${name}:[ \\t]*(.*?)[ \\t]*$`, "m").exec(text)?.[1] ?? "nothing"
  )

const printed = (script: string, options: Command.Options) => Command.run(sh(script, [], options))

const temporary = <A, E, R>(body: (directory: string) => Effect.Effect<A, E, R>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "attributes-"))),
    body,
    (directory) => Effect.sync(() => fs.rmSync(directory, { recursive: true, force: true }))
  )

const scheduling = ({ name, runner }: Hosted) => {
  const test = (claim: string, body: Effect.Effect<unknown, unknown, unknown>) =>
    it.live(claim, () => Effect.provide(body, runner) as Effect.Effect<unknown, unknown>)

  describe(`a program started by ${name}`, () => {
    test(
      "makes files with the mask that was asked for, and its owner's mask stays",
      temporary((directory) =>
        Effect.gen(function*() {
          const before = process.umask()
          yield* Command.runUnit(Command.make("/bin/touch", ["made"], { cwd: directory, umask: 0o137 }))
          assert.strictEqual(fs.statSync(path.join(directory, "made")).mode & 0o777, 0o640)
          assert.strictEqual(yield* printed("umask", { umask: 0 }), "0000")
          assert.strictEqual(process.umask(), before)
        })
      )
    )

    test(
      "has the limits that were asked for: sizes, counts, seconds, soft and hard",
      Effect.gen(function*() {
        const rlimits = { core: 0, fsize: "1 MiB", nofile: { soft: 64, hard: 128 }, cpu: "90 seconds" } as const
        const asked = yield* printed("ulimit -c; ulimit -f; ulimit -Sn; ulimit -Hn; ulimit -t", { rlimits })
        assert.strictEqual(asked, "0\n2048\n64\n128\n90")
        const limits = yield* Command.run(Command.make("/bin/cat", ["/proc/self/limits"], {
          rlimits: { as: { soft: "1 GiB", hard: Infinity }, stack: "4 MiB", nproc: 500, memlock: 65_536, data: "2 GiB" }
        }))
        assert.match(limits, /^Max address space +1073741824 +unlimited /m)
        assert.match(limits, /^Max stack size +4194304 +4194304 /m)
        assert.match(limits, /^Max processes +500 +500 /m)
        assert.match(limits, /^Max locked memory +65536 +65536 /m)
        assert.match(limits, /^Max data size +2147483648 +2147483648 /m)
      })
    )

    test(
      "is stopped by a limit of its processor time",
      Effect.gen(function*() {
        const result = yield* Command.outputString(sh("while :; do :; done", [], { rlimits: { cpu: "1 second" } }))
        assert.deepInclude(result.outcome, { _tag: "Signaled" })
        assert.strictEqual(Math.round(Duration.toSeconds(result.usage?.userTime ?? Duration.zero)), 1)
      })
    )

    test(
      "has the priority that was asked for, and hands it down",
      Effect.gen(function*() {
        for (const [priority, nice] of [["belowNormal", "10"], ["idle", "19"], [15, "15"]] as const) {
          assert.strictEqual(yield* printed("nice; sh -c nice", { priority }), `${nice}\n${nice}`)
        }
      })
    )

    if (hostedAttributes.affinity === true) {
      test(
        "may use the processors that were asked for",
        Effect.gen(function*() {
          assert.strictEqual(yield* statusOf("Cpus_allowed_list", { affinity: [0] }), "0")
          const last = os.cpus().length - 1
          assert.strictEqual(yield* statusOf("Cpus_allowed_list", { affinity: [last, last] }), `${last}`)
        })
      )
    }

    test(
      "is not started for processors that the machine does not have",
      Effect.gen(function*() {
        const reason = yield* reasonOf(Command.run(Command.make("/bin/true", { affinity: [1023] })))
        assert.deepInclude(reason, { _tag: "InvalidInput", field: "affinity" })
        assert.strictEqual(reason.message, "invalid input for /bin/true: affinity is not possible on this machine")
        // Of a set that is there in part, the kernel would take that part.
        const some = yield* reasonOf(Command.run(Command.make("/bin/true", { affinity: [0, 1023] })))
        assert.deepInclude(some, { _tag: "InvalidInput", field: "affinity" })
      })
    )

    if (hasIonice) {
      test(
        "has the I/O priority that was asked for",
        Effect.gen(function*() {
          assert.strictEqual(yield* printed("ionice -p $$", { ioPriority: "idle" }), "idle")
          assert.strictEqual(
            yield* printed("ionice -p $$", { ioPriority: { class: "bestEffort", level: 7 } }),
            "best-effort: prio 7"
          )
        })
      )
    }

    test(
      "gains no privileges where it was asked that it should not",
      Effect.gen(function*() {
        assert.strictEqual(yield* statusOf("NoNewPrivs", { noNewPrivileges: true }), "1")
        assert.strictEqual(yield* statusOf("NoNewPrivs", { noNewPrivileges: false }), "0")
      })
    )

    test(
      "sees another name of its own, also an empty one",
      Effect.gen(function*() {
        for (const argv0 of ["login -sh", ""]) {
          const cmdline = yield* Command.run(Command.make("/bin/cat", ["/proc/self/cmdline"], { argv0 }))
          assert.strictEqual(cmdline, `${argv0}\0/proc/self/cmdline\0`)
        }
      })
    )

    test(
      "with a name that is too long is refused with the size of it",
      Effect.gen(function*() {
        const reason = yield* reasonOf(Command.run(Command.make("/bin/true", { argv0: "x".repeat(200_000) })))
        assert.isTrue(reason._tag === "ArgumentListTooLong" && reason.bytes > 200_000)
      })
    )

    test(
      "has its owner's attributes where none was asked for",
      Effect.gen(function*() {
        assert.strictEqual(yield* printed("nice", {}), `${os.getPriority()}`)
        assert.strictEqual(Number.parseInt(yield* printed("umask", {}), 8), process.umask())
        assert.strictEqual(yield* statusOf("Uid", {}), Array(4).fill(process.getuid?.()).join("\t"))
        const own = fs.readFileSync("/proc/self/status", "latin1")
        assert.strictEqual(yield* statusOf("Groups", {}), /^Groups:[ \t]*(.*?)[ \t]*$/m.exec(own)?.[1])
      })
    )

    test(
      "keeps its attributes in a group, beside siblings that have others",
      Effect.scoped(Effect.gen(function*() {
        const group = yield* ProcessGroup.make
        assert.include(group.containment.attributes, "umask")
        const masks = yield* Effect.forEach(
          [0o022, 0o077, undefined],
          (umask) => Effect.flatMap(group.start(sh("umask", [], { umask })), (running) => running.result),
          {
            concurrency: "unbounded"
          }
        )
        assert.deepEqual(masks.slice(0, 2).map((result) => result.stdout), ["0022\n", "0077\n"])
      }))
    )
  })
}

const identities = (name: string, runner: Hosted["runner"], hasGroups: boolean) => {
  const test = (claim: string, body: Effect.Effect<unknown, unknown, unknown>) =>
    it.live(claim, () => Effect.provide(body, runner) as Effect.Effect<unknown, unknown>)

  describe.runIf(has(`${missingForOther}, to start a program as another`, canBecomeOther))(
    `root starts by ${name}`,
    () => {
      test(
        "another user, who has neither rights nor groups, and keeps its own group",
        Effect.gen(function*() {
          assert.strictEqual(yield* statusOf("Uid", { uid: 1234 }), "1234\t1234\t1234\t1234")
          assert.strictEqual(yield* statusOf("Gid", { uid: 1234 }), "0\t0\t0\t0")
          assert.strictEqual(yield* statusOf("Groups", { uid: 1234 }), "")
          assert.match(yield* statusOf("CapEff", { uid: 1234, gid: 2345 }), /^0+$/)
        })
      )

      test(
        "another group, without root's groups",
        Effect.gen(function*() {
          assert.strictEqual(yield* statusOf("Gid", { gid: 2345 }), "2345\t2345\t2345\t2345")
          assert.strictEqual(yield* statusOf("Uid", { gid: 2345 }), "0\t0\t0\t0")
          assert.strictEqual(yield* statusOf("Groups", { gid: 2345 }), "")
        })
      )

      test(
        "a process of another user in a group that closes, and nobody is left",
        Effect.gen(function*() {
          yield* Effect.scoped(Effect.gen(function*() {
            const group = yield* ProcessGroup.makeWith({ stop: { grace: 0 } })
            const running = yield* group.start(sh("trap '' TERM; sleep 600 & wait", [], { uid: 65_534, gid: 65_534 }))
            // Root's until it is executed (proc(5): "dumpable").
            yield* eventually("it is theirs", () => fs.statSync(`/proc/${running.pid}`).uid === 65_534)
          }))
          assert.deepEqual(survivors(), [])
        })
      )

      if (!hasGroups) return
      test(
        "groups exactly as asked",
        Effect.gen(function*() {
          assert.strictEqual(yield* statusOf("Groups", { uid: 1234, groups: [4567, 3456] }), "3456 4567")
          assert.strictEqual(yield* statusOf("Groups", { groups: [] }), "")
        })
      )

      test(
        "a favoured program of a user who could not favour it",
        Effect.gen(function*() {
          assert.strictEqual(yield* printed("nice; id -u", { uid: 1234, priority: "high" }), "-14\n1234")
          const rlimits = { nofile: { soft: 1000, hard: 2000 } }
          assert.strictEqual(yield* printed("ulimit -Hn", { uid: 1234, rlimits }), "2000")
        })
      )
    }
  )
}

for (const mechanism of mechanisms) {
  scheduling(mechanism)
  identities(mechanism.name, mechanism.runner, true)
}

const bare = NodeProcessRunner.layerProcessGroup()

describe.runIf(hasProc)("process-group", () => {
  identities("process-group", bare, false)

  it.live("refuses what Node cannot set, by name, and starts nothing", () =>
    Effect.gen(function*() {
      const wishes: ReadonlyArray<Command.Options> = [
        { groups: [] },
        { umask: 0o022 },
        { rlimits: { nofile: 64 } },
        { priority: "normal" },
        { affinity: [0] },
        { ioPriority: "idle" },
        { noNewPrivileges: true }
      ]
      for (const wish of wishes) {
        const reason = yield* reasonOf(Command.run(Command.make("/bin/echo", wish)))
        const [name = ""] = Object.keys(wish)
        assert.deepInclude(reason, { _tag: "Unsupported", feature: `the option ${name}`, mechanism: "process-group" })
        assert.match(reason.message, /set argv0, uid, gid$/)
      }
    }).pipe(Effect.provide(bare)))

  // Node threw for such a number, which was reported as an errno of the operating system.
  it.live("refuses a user whose number Node cannot take", () =>
    Effect.gen(function*() {
      for (const name of ["uid", "gid"]) {
        const reason = yield* reasonOf(Command.run(Command.make("/bin/true", { [name]: 2 ** 31 })))
        assert.deepInclude(reason, { _tag: "Unsupported", feature: `the option ${name} above 2147483647` })
      }
    }).pipe(Effect.provide(bare)))

  it.live("shows a program another name of its own, and takes what changes nothing", () =>
    Effect.gen(function*() {
      const options = { argv0: "login", windowsHide: false, noNewPrivileges: false } as const
      const cmdline = yield* Command.run(Command.make("/bin/cat", ["/proc/self/cmdline"], options))
      assert.strictEqual(cmdline, "login\0/proc/self/cmdline\0")
    }).pipe(Effect.provide(bare)))
})

const answers = (...args: ReadonlyArray<string>) =>
  Effect.promise(async () => {
    const flags = ["--conditions=processkit-source", fixture("asks-for-rights.ts")]
    const { stdout } = await promisify(execFile)(process.execPath, [...flags, ...args], { cwd: "/" })
    return JSON.parse(stdout)
  })

const denied = ["uid", "uid", "gid", "gid", "groups", "groups", "priority", "priority", "rlimits", "ioPriority"]

/** Each attribute that takes a right is refused by its name, whoever owns the program, and every other one is there. */
const refusesByName = (...args: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const { detached, owned, processor, says } = yield* answers(...args)
    assert.deepEqual(owned, [...denied.map((name) => ["PermissionDenied", name]), ["ran"]])
    assert.deepEqual(detached, owned)
    assert.deepEqual(says.owned, ["0077", "19", "64", "128", "another name", "1", `${processor}`, "end"])
    assert.deepEqual(says.detached, says.owned)
  })

const user = 1001

describe.runIf(hasProc && has(`${missingForOther}, or another user`, !isRoot || canBecomeOther))(
  "an ordinary user",
  () => {
    it.live.skipIf(mechanisms.length === 0)(
      "is told which attribute it may not set, and has every other one (subreaper)",
      () => refusesByName("subreaper")
    )

    it.live.skipIf(!hasCgroups)("is told so in a cgroup of its own, too (cgroup-v2)", () =>
      isRoot
        ? inCgroup(ownCgroup, (given) =>
          Effect.suspend(() => {
            delegate(given, user)
            return refusesByName("cgroup-v2", given)
          }))
        : refusesByName("cgroup-v2"))

    it.live("does not keep its groups silently where Node would let it (process-group)", () =>
      Effect.gen(function*() {
        const { detached, owned, says } = yield* answers("process-group")
        assert.deepEqual(owned.slice(0, 4), denied.slice(0, 4).map((name) => ["PermissionDenied", name]))
        assert.deepEqual(owned.slice(4, 10), denied.slice(4, 10).map((name) => ["Unsupported", `the option ${name}`]))
        assert.deepEqual(owned.slice(10), [[
          "Unsupported",
          "the option umask, rlimits, priority, affinity, ioPriority, noNewPrivileges"
        ]])
        assert.deepEqual(detached, owned)
        assert.strictEqual(says.owned[4], "another name")
        assert.deepEqual(says.detached, says.owned)
      }))

    it("reads what to do about it", () => {
      const reason = new ProcessError.PermissionDenied({ program: "id", errno: "EPERM", option: "uid" })
      assert.strictEqual(
        reason.message,
        "id was not started: this user may not set its uid; leave the option out, or run as a user who may"
      )
    })
  }
)

const withoutGroups = (...command: ReadonlyArray<string>) =>
  spawnSync("setpriv", ["--groups", "4,27", "--inh-caps=-setgid", "--bounding-set=-setgid", ...command], {
    encoding: "utf8"
  })

describe.runIf(has("setpriv(1), and to be superuser", isRoot && withoutGroups("true").status === 0))(
  "a superuser who may not set groups",
  () => {
    // libuv does not look whether the groups could be given up: the other user kept those of root.
    it("is refused another user, who would keep its groups (process-group)", () => {
      const script = `
        import * as Effect from "effect/Effect"
        import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
        import * as Command from "processkit/Command"
        const ids = Effect.provide(
          Command.run(Command.make("/usr/bin/id", ["-G"], { uid: 65534 })),
          NodeProcessRunner.layerProcessGroup({ guardian: false })
        )
        console.log(await Effect.runPromise(Effect.match(ids, {
          onSuccess: (groups) => groups,
          onFailure: ({ reason }) => reason._tag + " " + reason.option
        })))`
      const flags = ["--conditions=processkit-source", "--input-type=module", "--eval", script]
      const { stderr, stdout } = withoutGroups(process.execPath, ...flags)
      assert.deepEqual([stdout, stderr], ["PermissionDenied uid\n", ""])
    })
  }
)

const mayChangeUsers = (...command: ReadonlyArray<string>) => {
  const rights = ["--inh-caps=+setuid,+setgid", "--ambient-caps=+setuid,+setgid"]
  const options = ["--reuid", `${user}`, "--regid", `${user}`, "--clear-groups", ...rights]
  return spawnSync("setpriv", [...options, ...command], { encoding: "utf8", cwd: "/" })
}

describe.runIf(has(`${missingForOther}, and setpriv(1)`, canBecomeOther && mayChangeUsers("true").status === 0))(
  "an ordinary user who was given the rights to change users",
  () => {
    // Such rights are handed down, and the other user could have become anybody.
    it.skipIf(mechanisms.length === 0)("starts another user without them, and itself with them", () => {
      const script = `
        import * as Effect from "effect/Effect"
        import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
        import * as Command from "processkit/Command"
        const rights = (options) => Command.run(Command.make("/bin/sed", ["-n", "s/^CapEff:.//p", "/proc/self/status"], options))
        const each = Effect.forEach([{ uid: 1234, gid: 2345 }, { uid: 1234 }, { gid: 2345 }, {}], rights)
        console.log((await Effect.runPromise(Effect.provide(each, NodeProcessRunner.layerSubreaper))).join())`
      const flags = ["--conditions=processkit-source", "--input-type=module", "--eval", script]
      const { stderr, stdout } = mayChangeUsers("env", "-C", import.meta.dirname, process.execPath, ...flags)
      const [none, own] = ["0000000000000000", "00000000000000c0"]
      assert.deepEqual([stdout, stderr], [`${[none, none, own, own].join()}\n`, ""])
    })
  }
)

it("a right to set groups is read from the capabilities in effect, where there are some", () => {
  assert.isTrue(Identity.maySetGroups("Name:\tx\nCapEff:\t000001ffffffffff\n"))
  assert.isTrue(Identity.maySetGroups("CapEff:\t0000000000000040\n"))
  assert.isFalse(Identity.maySetGroups("CapPrm:\t000001ffffffffff\nCapEff:\t000001fffeffffbf\n"))
  assert.isTrue(Identity.maySetGroups(""))
})
