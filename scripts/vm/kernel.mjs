/**
 * The guest's kernel: a stock Debian one, so that the tests see what users have.
 *
 * The cloud flavour is taken because NVMe, ext4 and serial ports are built into it: it boots from a disk without an
 * initial RAM disk and without modules. The package comes through apt, with this machine's own settings, and is only
 * unpacked, never installed. `PROCESSKIT_VM_KERNEL` names another `vmlinuz` with the same drivers built in.
 */
import { execFileSync } from "node:child_process"
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs"
import * as path from "node:path"
import { Missing } from "./needs.mjs"

const metaPackage = "linux-image-cloud-amd64"

const output = (program, args, options) =>
  execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], ...options })

const advice = `run "apt-get update" on a Debian for amd64, or name a kernel in PROCESSKIT_VM_KERNEL`

/** The versioned package that the meta package stands for today. */
const packageName = () => {
  const found = /Depends: (linux-image-\S+)/.exec(output("apt-cache", ["depends", metaPackage]))
  if (found === null) throw new Error("it is not known")
  return found[1]
}

const unpack = (name, home) => {
  const work = `${home}.new`
  rmSync(work, { recursive: true, force: true })
  mkdirSync(work, { recursive: true })
  output("apt-get", ["--quiet", "download", name], { cwd: work })
  const archive = readdirSync(work).find((file) => file.endsWith(".deb"))
  output("dpkg-deb", ["--extract", path.join(work, archive), work])
  rmSync(path.join(work, archive))
  renameSync(work, home)
}

/** The path of a kernel image, fetched once per version into `cache`. */
export const kernel = (cache) => {
  const given = process.env.PROCESSKIT_VM_KERNEL
  if (given !== undefined) {
    if (!existsSync(given)) throw new Missing(`PROCESSKIT_VM_KERNEL names no file: ${given}`)
    return given
  }
  try {
    const home = path.join(cache, packageName())
    if (!existsSync(home)) unpack(path.basename(home), home)
    const boot = path.join(home, "boot")
    return path.join(boot, readdirSync(boot).find((file) => file.startsWith("vmlinuz")))
  } catch (error) {
    throw new Missing(`apt gives no ${metaPackage}: ${advice}\n${String(error.stderr || error.message).trim()}`)
  }
}
