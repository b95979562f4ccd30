// Terminals are real ones, made by script(1); what is typed goes through their line discipline.
import { assert, describe, it, vi } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import * as fs from "node:fs"
import { mechanisms } from "./hostedWorld.ts"
import { has } from "./programs.ts"
import { hasTerminals, onTerminal, quoted } from "./pseudoTerminal.ts"
import { slowness } from "./slowness.ts"
import { eventually, fixture } from "./world.ts"

// What was shown is told when a wait is over, and also when this is.
vi.setConfig({ testTimeout: 90_000 * slowness })

const hasProgram = (name: string, args: ReadonlyArray<string>) =>
  has(`the program ${name}`, spawnSync(name, args, { stdio: "ignore" }).error === undefined)

const hasBash = hasProgram("bash", ["--version"])
const hasVim = hasProgram("vim", ["--version"])
const hasLess = hasProgram("less", ["--version"])

const owner = (mechanism: string, manner: string, ...command: ReadonlyArray<string>): string =>
  quoted([
    process.execPath,
    "--conditions=processkit-source",
    fixture("lends-terminal.ts"),
    mechanism,
    manner,
    ...command
  ])

const counting = ["/bin/sh", fixture("counts-interrupts.sh")]

const ctrl = (key: string): string => String.fromCharCode(key.charCodeAt(0) & 0x1f)

/** What follows the owner on its terminal: whether that reads a line, with the modes that a terminal starts with. */
const afterwards = "stty -a | grep -o ' -\\?echo ' | tr -d ' '; echo next; read -r line; echo \"next read $line\""

/** What the program left behind was undone: the next one is in the foreground, and sees what is typed. */
const isBack = Effect.fnUntraced(function*(terminal: Effect.Success<ReturnType<typeof onTerminal>>) {
  yield* terminal.shows(/^echo\nnext\n/m)
  terminal.type("something\n")
  yield* terminal.shows(/next read something/)
  assert.strictEqual(yield* terminal.ended, 0)
})

/** Types again and again until something is shown: an editor that is busy with itself may forget what it gets. */
const answered = (terminal: Effect.Success<ReturnType<typeof onTerminal>>, text: string, what: RegExp) => {
  const typing = Effect.andThen(Effect.sync(() => terminal.type(text)), Effect.sleep("2 seconds"))
  return Effect.raceFirst(terminal.shows(what), Effect.forever(typing))
}

/** The modes of a program that takes keys one by one, without an echo. */
const raw = "stty raw -echo; echo ready; "

/** What is said of the mechanism, which holds the tree; the job is held by the same code in each of them. */
for (const { name } of hasTerminals ? mechanisms : []) {
  describe(`a command with the terminal (${name})`, () => {
    it.live("leads the foreground group, and reads what is typed", () =>
      Effect.gen(function*() {
        const terminal = yield* onTerminal(owner(name, "run", ...counting))
        const [, pid, group, foreground] = yield* terminal.shows(/ready (\d+) (\d+) (\d+)\n/)
        assert.deepEqual([group, foreground], [pid, pid])
        terminal.type("hello\n")
        yield* terminal.shows(/read hello after 0 interrupts\n/)
        yield* terminal.shows(/<\{"_tag":"Exited","code":0\}> 0 interrupts/)
        assert.strictEqual(yield* terminal.ended, 0)
      }))

    const endings: ReadonlyArray<readonly [claim: string, manner: string, script: string, shown: RegExp]> = [
      ["exits", "run", "exit 3", /"Exited","code":3/],
      ["is killed", "run", "kill -9 $$", /"signal":"SIGKILL"/],
      ["is stopped at its deadline", "times-out", "trap '' TERM; sleep 100", /"TimedOut"/],
      ["ends with the scope of its group", "interrupts", "sleep 100", /<over>/]
    ]
    for (const [claim, manner, script, shown] of endings) {
      it.live(`gives terminal and modes back when it ${claim}`, () =>
        Effect.gen(function*() {
          const command = owner(name, manner, "sh", "-c", `stty raw -echo </dev/tty; echo ready; ${script}`)
          const terminal = yield* onTerminal(`${command}; ${afterwards}`)
          yield* terminal.shows(shown)
          yield* isBack(terminal)
        }))
    }

    it.live("gives the terminal back when it could not be executed", () =>
      Effect.gen(function*() {
        // Of the steps of a start this one fails late, when the terminal was given away already.
        const terminal = yield* onTerminal(`${owner(name, "wants-too-much", "true")}; ${afterwards}`)
        yield* terminal.shows(/<PermissionDenied: /)
        yield* isBack(terminal)
      }))

    it.live("has its terminal taken back from a job of its own that is killed with it", () =>
      Effect.gen(function*() {
        if (!hasBash) return
        // A shell with job control, whose own foreground job holds the terminal at the end.
        const script = `set -m; ${raw} sleep 100`
        const terminal = yield* onTerminal(`${owner(name, "times-out", "bash", "-c", script)}; ${afterwards}`)
        yield* terminal.shows(/"TimedOut"/)
        yield* isBack(terminal)
      }))

    it.live("is gone with all that it started when its owner is killed, and the terminal is given back", () =>
      Effect.gen(function*() {
        const script = `trap '' HUP INT TERM; sleep 1000 & ${raw} read -r line`
        // The shell goes on as soon as the owner is dead, which is before anybody else can have heard of it.
        const soon = "until stty -a | grep -q ' echo '; do :; done"
        const terminal = yield* onTerminal(`${owner(name, "run", "sh", "-c", script)}; ${soon}; ${afterwards}`)
        yield* terminal.shows(/ready\n/)
        process.kill(ownerOn(terminal), "SIGKILL")
        yield* isBack(terminal)
        yield* eventually("nobody is left", () => terminal.living().length === 0)
      }))

    it.live("takes what it left behind along when its scope closes", () =>
      Effect.gen(function*() {
        const script = "trap '' HUP INT TERM; sleep 1000 & (setsid sleep 1001 &); echo ready"
        const terminal = yield* onTerminal(`${owner(name, "run", "sh", "-c", script)}; ${afterwards}`)
        yield* terminal.shows(/<\{"_tag":"Exited","code":0\}>/)
        yield* isBack(terminal)
        yield* eventually("nobody is left", () => terminal.living().length === 0)
      }))
  })
}

describe.runIf(hasTerminals && mechanisms.some(({ name }) => name === "subreaper"))("a group with the terminal", () => {
  it.live("leaves it to its owner while it is suspended (subreaper)", () =>
    Effect.gen(function*() {
      const terminal = yield* onTerminal(owner("subreaper", "suspends", ...counting))
      yield* terminal.shows(/<background at first>/)
      assert.strictEqual(yield* terminal.ended, 0)
    }))
})

for (const { name } of hasTerminals ? mechanisms.slice(0, 1) : []) {
  describe(`a command with the terminal, as a job (${name})`, () => {
    it.live("gets each Ctrl-C once, and its owner none", () =>
      Effect.gen(function*() {
        const terminal = yield* onTerminal(owner(name, "run", ...counting))
        yield* terminal.shows(/ready .*\n/)
        for (let i = 1; i <= 3; i++) {
          terminal.type(ctrl("C"))
          yield* terminal.shows(new RegExp(`interrupt ${i}\n`))
        }
        terminal.type("done\n")
        yield* terminal.shows(/read done after 3 interrupts\n/)
        yield* terminal.shows(/<\{"_tag":"Exited","code":0\}> 0 interrupts/)
      }))

    it.live("may die of Ctrl-C, which is its outcome", () =>
      Effect.gen(function*() {
        const terminal = yield* onTerminal(owner(name, "run", "sh", "-c", "echo ready; exec sleep 100"))
        yield* terminal.shows(/ready\n/)
        terminal.type(ctrl("C"))
        yield* terminal.shows(/<\{"_tag":"Signaled","signal":"SIGINT","number":2,"coreDumped":false\}> 0 interrupts/)
      }))

    it.live("has what it prints captured where that is a pipe, and its terminal all the same", () =>
      Effect.gen(function*() {
        const script = "read -r line </dev/tty; echo question >/dev/tty; echo \"[$line]\""
        const terminal = yield* onTerminal(owner(name, "captures", "sh", "-c", script))
        terminal.type("answer\n")
        yield* terminal.shows(/question\n/)
        yield* terminal.shows(/<\[answer\]> 0/)
      }))

    it.live("goes on at once after Ctrl-Z where no shell could continue its owner", () =>
      Effect.gen(function*() {
        const terminal = yield* onTerminal(`exec ${owner(name, "run", ...counting)}`)
        yield* terminal.shows(/ready .*\n/)
        terminal.type(ctrl("Z"))
        yield* terminal.shows(/\^Z/)
        terminal.type("on\n")
        yield* terminal.shows(/read on after 0 interrupts/)
      }))

    it.live("stops with its owner at Ctrl-Z, and goes on with it in the foreground", () =>
      Effect.gen(function*() {
        if (!hasBash) return
        const terminal = yield* onTerminal("exec bash --norc --noprofile -i")
        yield* terminal.shows(/\$ $/)
        terminal.type(`${owner(name, "run", ...counting)}\n`)
        yield* terminal.shows(/ready .*\n/)
        for (let i = 0; i < 2; i++) {
          terminal.type(ctrl("Z"))
          yield* terminal.shows(/Stopped/)
          yield* terminal.shows(/\$ $/)
          terminal.type("echo between $((20 + 3))\n")
          yield* terminal.shows(/between 23\n/)
          terminal.type("fg\n")
          yield* terminal.shows(/lends-terminal.*\n/)
        }
        terminal.type("back\n")
        yield* terminal.shows(/read back after 0 interrupts/)
        yield* terminal.shows(/<\{"_tag":"Exited","code":0\}> 0 interrupts/)
        terminal.type("exit\n")
        assert.strictEqual(yield* terminal.ended, 0)
      }))

    it.live("stays stopped in the background, and reads once it is brought to the foreground", () =>
      Effect.gen(function*() {
        if (!hasBash) return
        const terminal = yield* onTerminal("exec bash --norc --noprofile -i")
        yield* terminal.shows(/\$ $/)
        terminal.type(`${owner(name, "run", ...counting)}\n`)
        yield* terminal.shows(/ready .*\n/)
        terminal.type(ctrl("Z"))
        yield* terminal.shows(/Stopped/)
        terminal.type("bg\n")
        terminal.type("sleep 0.5; echo between $((20 + 3)); fg\n")
        yield* terminal.shows(/between 23\n/)
        terminal.type("back\n")
        yield* terminal.shows(/read back after 0 interrupts/)
        terminal.type("exit\n")
        assert.strictEqual(yield* terminal.ended, 0)
      }))

    it.live("is refused where its owner runs in the background", () =>
      Effect.gen(function*() {
        if (!hasBash) return
        const terminal = yield* onTerminal(`exec bash -c ${quoted([`set -m; ${owner(name, "run", "true")} & wait`])}`)
        yield* terminal.shows(/<Unsupported: .*does not have the foreground of its terminal/)
      }))

    it.live("is refused while another has the terminal", () =>
      Effect.gen(function*() {
        const terminal = yield* onTerminal(owner(name, "two-at-once", "sleep", "100"))
        yield* terminal.shows(/<Unsupported: .*another command of this process has it/)
        assert.strictEqual(yield* terminal.ended, 0)
      }))

    it.live("is refused where there is no terminal", () =>
      Effect.gen(function*() {
        const child = spawn("/bin/sh", ["-c", owner(name, "run", "true")], { detached: true, stdio: "pipe" })
        let text = ""
        child.stdout.on("data", (chunk: Buffer) => text += chunk.toString())
        yield* Effect.promise(() => once(child, "close"))
        assert.match(text, /^<Unsupported: .*this process has no terminal/)
      }))

    it.live("may be the last stage of a pipeline", () =>
      Effect.gen(function*() {
        if (!hasLess) return
        const terminal = yield* onTerminal(`TERM=xterm; export TERM; ${owner(name, "pipes", "less")}`)
        yield* terminal.shows(/two/)
        terminal.type("q")
        yield* terminal.shows(/<through> 0 interrupts/)
        assert.strictEqual(yield* terminal.ended, 0)
      }))

    it.live("may be an editor, which survives Ctrl-C", () =>
      Effect.gen(function*() {
        if (!hasVim) return
        const file = `/tmp/processkit-${process.pid}-${name}.txt`
        const terminal = yield* onTerminal(
          `TERM=xterm; export TERM; ${owner(name, "run", "vim", "-n", "-u", "NONE", file)}; ${afterwards}`
        )
        yield* terminal.shows(/~/)
        yield* answered(terminal, ctrl("C"), /to exit Vim/)
        // What comes right after an interrupt is thrown away with it.
        yield* answered(terminal, ":echo 12345*3\r", /37035/)
        terminal.type("ihello\x1b:wq\r")
        yield* terminal.shows(/"Exited","code":0\}> 0 interrupts/)
        yield* isBack(terminal)
        assert.strictEqual(fs.readFileSync(file, "latin1"), "hello\n")
        fs.rmSync(file)
      }))
  })
}

/** The owner among those who are on a terminal. */
const ownerOn = (terminal: Effect.Success<ReturnType<typeof onTerminal>>): number => {
  const owners = terminal.living().filter((pid) =>
    fs.readFileSync(`/proc/${pid}/cmdline`, "latin1").startsWith(`${process.execPath}\0`)
  )
  assert.strictEqual(owners.length, 1)
  return owners[0] ?? 0
}

const childrenOf = (pid: number): ReadonlyArray<number> =>
  fs.readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1").trim().split(" ").map(Number)

/** The host that lends a terminal, and its one monitor. */
const lenders = (owner: number): readonly [host: number, monitor: number] => {
  const host = childrenOf(owner).find((pid) =>
    fs.readFileSync(`/proc/${pid}/cmdline`, "latin1").includes("\0terminal\0")
  )
  return [host ?? 0, childrenOf(host ?? 0)[0] ?? 0]
}

for (const { name } of hasTerminals ? mechanisms.slice(0, 1) : []) {
  describe(`a terminal whose lender is killed (${name})`, () => {
    for (const [who, index] of [["host", 0], ["monitor", 1]] as const) {
      it.live(`is given back, and the command is over: the ${who}`, () =>
        Effect.gen(function*() {
          const script = `trap '' HUP INT TERM; ${raw} read -r line`
          const soon = "until stty -a | grep -q ' echo '; do :; done"
          const terminal = yield* onTerminal(`${owner(name, "run", "sh", "-c", script)}; ${soon}; ${afterwards}`)
          yield* terminal.shows(/ready\n?/)
          process.kill(lenders(ownerOn(terminal))[index], "SIGKILL")
          yield* terminal.shows(/<HostLost: /)
          yield* isBack(terminal)
          yield* eventually("nobody is left", () => terminal.living().length === 0)
        }))
    }
  })
}

describe.runIf(hasTerminals)("a terminal that cannot be lent", () => {
  it.live("is refused by a mechanism without the native host, before anything is started", () =>
    Effect.gen(function*() {
      const terminal = yield* onTerminal(owner("process-group", "run", "echo", "started"))
      yield* terminal.shows(/<Unsupported: the option terminal is not supported by the mechanism process-group/)
      assert.notInclude(terminal.screen(), "started\n")
    }))
})
