/**
 * What this machine must have before a guest can be started, by name, and where the names come from.
 */
import { accessSync, constants } from "node:fs"
import * as path from "node:path"

/** The guests cannot be started here; the message says what to do about it. */
export class Missing extends Error {}

/** The path of a program, also where `PATH` leaves out the directories of system programs. */
export const which = (program) => {
  const places = `${process.env.PATH ?? ""}:/usr/sbin:/sbin`.split(":").filter((place) => place !== "")
  return places.map((place) => path.join(place, program)).find((file) => {
    try {
      accessSync(file, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/** Programs that the scripts run here, with the Debian packages that have them. */
const ours = [
  ["qemu-system-x86_64", "qemu-system-x86"],
  ["mke2fs", "e2fsprogs"],
  ["ldd", "libc-bin"],
  ...process.env.PROCESSKIT_VM_KERNEL === undefined
    ? [["apt-get", "apt"], ["apt-cache", "apt"], ["dpkg-deb", "dpkg"]]
    : []
]

/** Programs that go into the guest: its shells, what prepares a layout, and what the tests start. */
export const guests = Object.entries({
  bash: "bash",
  dash: "dash",
  procps: "ps",
  mount: "mount umount",
  "util-linux": "ionice setpriv setsid unshare",
  coreutils: "cat chown date dd env id ln ls mkdir mkfifo mktemp nice rm sleep sync touch tr true false"
}).flatMap(([name, programs]) => programs.split(" ").map((program) => [program, name]))

/** Fails with the list of everything that is missing. */
export const check = (find = which) => {
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw new Missing(
      `the guests are x64 Linux and are built from this machine's programs, which is a ${process.platform}-${process.arch}`
    )
  }
  const missing = [...ours, ...guests].filter(([program]) => find(program) === undefined)
  if (missing.length === 0) return
  const packages = [...new Set(missing.map(([, name]) => name))].join(" ")
  throw new Missing(
    `not found: ${missing.map(([program]) => program).join(", ")}\n` +
      `on Debian: apt-get install --no-install-recommends ${packages}`
  )
}
