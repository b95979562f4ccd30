import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import type { Found } from "../src/internal/programLookup.ts"
import { candidates, choose, defaultPath } from "../src/internal/programLookup.ts"

const lookUp = (program: string, path: string | undefined, preferLocal: ReadonlyArray<string> = []) =>
  candidates({ program, path, preferLocal, childDirectory: () => "/child", ownerDirectory: () => "/owner" })

describe("candidates for a program", () => {
  it("come from the PATH that the child will have, in its order", () => {
    assert.deepStrictEqual(lookUp("git", "/a:/b").paths, ["/a/git", "/b/git"])
  })
  it("come from the system's directories where the child has no PATH", () => {
    assert.deepStrictEqual(lookUp("git", undefined).searched, [...defaultPath])
  })
  it("never come from empty or relative entries", () => {
    assert.deepStrictEqual(lookUp("git", ":/a:.:bin::../x:/b:").searched, ["/a", "/b"])
    assert.deepStrictEqual(lookUp("git", "").searched, [])
  })
  it("come from preferred directories first, relative to the owner", () => {
    assert.deepStrictEqual(lookUp("git", "/a", ["node_modules/.bin", "/opt"]).searched, [
      "/owner/node_modules/.bin",
      "/opt",
      "/a"
    ])
  })
  it("are the path itself where one was given, relative to the child", () => {
    assert.deepStrictEqual(lookUp("/x/git", "/a", ["/opt"]), { paths: ["/x/git"], searched: undefined })
    assert.deepStrictEqual(lookUp("./git", "/a", ["/opt"]), { paths: ["/child/./git"], searched: undefined })
    assert.deepStrictEqual(lookUp("bin/git", "/a").paths, ["/child/bin/git"])
  })
})

const pick = (found: Record<string, Found>, given = lookUp("git", "/a:/b")) => {
  const result = choose("git", given, (path) => found[path] ?? "nothing")
  return Result.isSuccess(result) ? result.success : result.failure
}

describe("the choice among candidates", () => {
  it("is the first that is a program", () => {
    assert.strictEqual(pick({ "/a/git": "program", "/b/git": "program" }), "/a/git")
  })
  it("passes over what cannot be executed", () => {
    assert.strictEqual(pick({ "/a/git": "unusable", "/b/git": "program" }), "/b/git")
    assert.strictEqual(pick({ "/a/git": { obstacle: "ELOOP" }, "/b/git": "program" }), "/b/git")
  })
  it("is PermissionDenied where there was nothing better", () => {
    assert.propertyVal(pick({ "/b/git": "unusable" }), "_tag", "PermissionDenied")
  })
  it("is NotFound with the directories where there was nothing at all", () => {
    const reason = pick({})
    assert.propertyVal(reason, "_tag", "NotFound")
    assert.deepPropertyVal(reason, "searched", ["/a", "/b"])
  })
  it("is the operating system's own word where a path was given", () => {
    const reason = pick({ "/x/git": { obstacle: "ELOOP" } }, lookUp("/x/git", undefined))
    assert.propertyVal(reason, "_tag", "SpawnFailed")
    assert.propertyVal(reason, "errno", "ELOOP")
  })
})
