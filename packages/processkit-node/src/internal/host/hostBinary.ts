/**
 * Finds the host's binary, and makes it executable where the installed file is not.
 *
 * A package manager may drop the execute bit, keep packages inside an archive, or live on a file system that executes
 * nothing. Then a copy in a private directory is tried, which is removed as soon as it runs.
 */
import * as Result from "effect/Result"
import { createHash } from "node:crypto"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import { errnoOf } from "../errno.ts"
import * as PermissionModel from "../permissionModel.ts"
import * as ProcTable from "../procTable.ts"
import { hashes } from "./hostHashes.ts"

/** Why a file cannot serve as the host. */
export interface Rejected {
  readonly path: string
  readonly why: string
  /** Where the system refused to start it, or to read or copy it. */
  readonly errno?: string | undefined
}

/** A file to be tried, and what to do when that is over. */
export interface Candidate {
  readonly path: string
  readonly discard: () => void
}

export interface Target {
  readonly platform: string
  readonly arch: string
}

const own: Target = { platform: process.platform, arch: process.arch }

/** The name of the binary for a machine; undefined where there is none. */
export const nameFor = ({ arch, platform }: Target): string | undefined => {
  const name = `processkit-host-${arch}`
  return platform === "linux" && Object.hasOwn(hashes, name) ? name : undefined
}

/** The directory of the installed binaries, the same from `src` and from `dist`. */
export const directory = fileURLToPath(new URL("../../../native/linux/bin/", import.meta.url))

const readVerified = (name: string, file: string): Result.Result<Buffer, Rejected> => {
  try {
    const bytes = fs.readFileSync(file)
    const hash = createHash("sha256").update(bytes).digest("hex")
    return hash === hashes[name]
      ? Result.succeed(bytes)
      : Result.fail({ path: file, why: "is not the file that this version was published with" })
  } catch (thrown) {
    const errno = errnoOf(thrown)
    return Result.fail({ path: file, why: `cannot be read (${errno})`, errno })
  }
}

/** Only a directory of ours that nobody else may enter is good enough to execute from. */
const isPrivate = (directory: string): boolean => {
  const stat = fs.statSync(directory, { throwIfNoEntry: false })
  return stat?.isDirectory() === true && stat.uid === process.getuid?.() && (stat.mode & 0o077) === 0
}

const places = (): ReadonlyArray<string> => {
  const runtime = process.env["XDG_RUNTIME_DIR"]
  const usable = runtime !== undefined && path.isAbsolute(runtime) && isPrivate(runtime)
  return usable ? [runtime, os.tmpdir()] : [os.tmpdir()]
}

/** Removes a copy and its directory, for which no descriptor is needed: there may be none left. */
const remove = (home: string, file: string): void => {
  for (const step of [() => fs.unlinkSync(file), () => fs.rmdirSync(home)]) {
    try {
      step()
    } catch {
      // What cannot be removed lies in a directory for temporary files.
    }
  }
}

const copyTo = (place: string, name: string, bytes: Buffer): Result.Result<Candidate, Rejected> => {
  let home: string | undefined
  try {
    const created = home = fs.mkdtempSync(path.join(place, "processkit-")) // created for us alone: mode 0700
    const file = path.join(created, name)
    fs.writeFileSync(file, bytes, { flag: "wx", mode: 0o500 })
    return Result.succeed({ path: file, discard: () => remove(created, file) })
  } catch (thrown) {
    if (home !== undefined) remove(home, path.join(home, name))
    const errno = errnoOf(thrown)
    return Result.fail({ path: place, why: `cannot hold a copy (${errno})`, errno })
  }
}

/** A running host is found by its number, under which the table of another pid namespace has somebody else. */
const strangers: Rejected = { path: "/proc", why: "does not show the processes of this pid namespace" }

/**
 * Gives the files to try, best first, each made when it is asked for; a rejection is given in the place of a file that
 * cannot be had.
 */
export const candidates = function*(
  installed: string = directory,
  target: Target = own
): Generator<Result.Result<Candidate, Rejected>, void> {
  const name = nameFor(target)
  if (name === undefined) {
    yield Result.fail({ path: installed, why: `holds no host for ${target.platform}-${target.arch}` })
    return
  }
  if (!ProcTable.isOurs()) {
    yield Result.fail(strangers)
    return
  }
  const file = path.join(installed, name)
  const bytes = readVerified(name, file)
  if (Result.isFailure(bytes)) {
    yield Result.fail(bytes.failure)
    return
  }
  yield Result.succeed({ path: file, discard: () => {} })
  for (const place of places()) yield copyTo(place, name, bytes.success)
}

/** Where the binary for this machine is installed, if there is one for it. */
export const installed = (): string | undefined => {
  const name = nameFor(own)
  return name === undefined ? undefined : path.join(directory, name)
}

/** Why no host can be had, as far as that shows without starting one. */
export const refusal = (): string | undefined => {
  const file = installed()
  if (file === undefined) return `there is no native host for ${own.platform}-${own.arch}`
  if (!fs.existsSync(file)) return "the native host is not installed"
  return PermissionModel.refusal() ?? (ProcTable.isOurs() ? undefined : `${strangers.path} ${strangers.why}`)
}
