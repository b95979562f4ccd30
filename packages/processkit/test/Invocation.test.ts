import { assert, describe, it } from "@effect/vitest"
import * as Inspectable from "effect/Inspectable"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Command from "processkit/Command"
import { Invocation } from "processkit/testing"

const secret = Redacted.make("hunter2")

const login = Invocation.fromCommand(Command.make("login", ["--user=ada", secret], {
  cwd: "/home",
  env: { TOKEN: secret, HOME: undefined, LANG: "C" },
  stdin: "yes\n"
}))

const bare = Invocation.fromCommand(Command.make("true"))

describe("Invocation", () => {
  it("says what a command runs, where, and whether it has input", () => {
    assert.deepInclude(login, { program: "login", cwd: "/home", hasStdin: true })
    assert.deepInclude(bare, { program: "true", args: [], cwd: undefined, hasStdin: false })
    assert.deepStrictEqual(Invocation.line(login), ["login", "--user=ada", "<redacted>"])
    for (const [stdin, has] of [["null", false], ["inherit", true], ["pipe", true]] as const) {
      assert.strictEqual(Invocation.fromCommand(Command.make("a", { stdin })).hasStdin, has)
    }
  })

  it("finds a flag, with or without a value, and nothing that only begins like one", () => {
    assert.isTrue(Invocation.hasFlag(login, "--user"))
    assert.isFalse(Invocation.hasFlag(login, "--us"))
    assert.isFalse(Invocation.hasFlag(login, "--user=a"))
    assert.isFalse(Invocation.hasFlag("hunter2")(login))
  })

  it("tells a variable that is set from one that is removed and one that nothing is said of", () => {
    assert.deepStrictEqual(Invocation.env(login, "LANG"), Option.some("C"))
    assert.deepStrictEqual(Invocation.env(login, "HOME"), Option.some(undefined))
    assert.deepStrictEqual(Invocation.env(login, "PATH"), Option.none())
    assert.deepStrictEqual(Invocation.env(login, "toString"), Option.none())
    assert.deepStrictEqual(
      ["LANG", "HOME", "TOKEN", "PATH", "constructor"].map((name) => Invocation.hasEnv(login, name)),
      [true, false, true, false, false]
    )
    assert.isTrue(Invocation.envIs(login, "TOKEN", "hunter2"))
    assert.isFalse(Invocation.envIs(login, "TOKEN", "<redacted>"))
  })

  it("shows neither secrets nor values of variables", () => {
    for (const text of [String(login), JSON.stringify(login), Inspectable.toStringUnknown(login)]) {
      assert.notInclude(text, "hunter2")
    }
    assert.strictEqual(String(login), "login '--user=ada' <redacted>")
    assert.deepStrictEqual(JSON.parse(JSON.stringify(login)), {
      _id: "Invocation",
      line: ["login", "--user=ada", "<redacted>"],
      cwd: "/home",
      env: { TOKEN: "<set>", HOME: "<removed>", LANG: "<set>" },
      hasStdin: true
    })
  })

  it("is told from other values", () => {
    assert.deepStrictEqual([login, {}, undefined].map(Invocation.isInvocation), [true, false, false])
  })
})
