import { assert, describe, it } from "@effect/vitest"
import * as Hierarchy from "../src/internal/cgroup/hierarchy.ts"
import * as OwnerName from "../src/internal/cgroup/ownerName.ts"

/** The candidates for a path where one part of the hierarchy is mounted. */
const at = (path: string, root: string) => Hierarchy.candidates(path, [{ root, mountPoint: "/m" }])

describe("our place in the cgroup hierarchy", () => {
  it("is the line of version 2, wherever it stands, and unknown without one", () => {
    assert.strictEqual(Hierarchy.ownPath("0::/user.slice/x.scope\n"), "/user.slice/x.scope")
    assert.strictEqual(Hierarchy.ownPath("9:name=systemd:/\n8:pids:/a\n0::/\n"), "/")
    assert.strictEqual(Hierarchy.ownPath("8:pids:/a\n10::/b\n"), undefined)
    assert.strictEqual(Hierarchy.ownPath(""), undefined)
  })

  it("is looked for under every mount of version 2, and no other", () => {
    const text = [
      "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755",
      "39 31 0:36 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids",
      "41 31 0:38 / /sys/fs/cgroup/unified rw,nosuid shared:9 master:1 - cgroup2 cgroup2 rw,nsdelegate",
      "42 31 0:38 /a\\\\040b /mnt/with\\\\040space\\\\134 rw - cgroup2 none rw",
      "43 31 0:39 / /cgroup2 rw - ext4 /dev/x rw",
      ""
    ].join("\n").replaceAll("\\\\", "\\")
    assert.deepEqual(Hierarchy.mounts(text), [
      { root: "/", mountPoint: "/sys/fs/cgroup/unified" },
      { root: "/a b", mountPoint: "/mnt/with space\\" }
    ])
  })

  it("is the path below the part that is mounted", () => {
    assert.deepEqual(at("/", "/"), ["/m"])
    assert.deepEqual(at("/a/b", "/"), ["/m/a/b"])
    assert.deepEqual(at("/a/b", "/a"), ["/m/b"])
    assert.deepEqual(at("/a", "/a"), ["/m"])
  })

  it("is not visible where another part is mounted, or where a namespace hides it", () => {
    assert.deepEqual(at("/ab", "/a"), [])
    assert.deepEqual(at("/b", "/a"), [])
    assert.deepEqual(at("/../a", "/"), [])
    assert.deepEqual(at("/..", "/"), [])
  })
})

const owners: ReadonlyArray<OwnerName.Owner> = [
  { namespace: "4026531836", pid: 1, start: "0" },
  { namespace: "40265318364026531834", pid: 4_194_304, start: "18446744073709551615" },
  { namespace: "1", pid: 23, start: "456" }
]

const random = "0123456789abcdef"

describe("the name of an owner's directory", () => {
  it("says who made it", () => {
    for (const owner of owners) assert.deepEqual(OwnerName.parse(OwnerName.format(owner, random)), owner)
  })

  it("is told from other names", () => {
    const name = OwnerName.format({ namespace: "4026531836", pid: 12, start: "345" }, random)
    for (const other of [`${name}0`, ` ${name}`, `x${name}`, name.slice(0, -1), name.replace("12", "-12"), "g1", ""]) {
      assert.strictEqual(OwnerName.parse(other), undefined, other)
    }
  })

  it("is stale when its process is gone or is another one, and never when it may live in another namespace", () => {
    for (const owner of owners) {
      const { namespace, pid, start } = owner
      assert.isTrue(OwnerName.isStale(owner, namespace, () => undefined))
      assert.isTrue(OwnerName.isStale(owner, namespace, () => `${start}1`))
      assert.isFalse(OwnerName.isStale(owner, namespace, (asked) => asked === pid ? start : undefined))
      assert.isFalse(OwnerName.isStale(owner, `${namespace}1`, () => undefined))
    }
  })

  // Whoever could not be looked at, for want of a descriptor or of the right, was taken for dead and killed.
  it("is not stale when its process cannot be looked at, or does not know who it is itself", () => {
    for (const owner of owners) assert.isFalse(OwnerName.isStale(owner, owner.namespace, () => OwnerName.hidden))
    const nameless = { namespace: OwnerName.unknown, pid: 7, start: "0" }
    assert.isFalse(OwnerName.isStale(nameless, OwnerName.unknown, () => undefined))
  })
})
