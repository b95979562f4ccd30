/**
 * The guest's disk: this machine's shells and tools, the repository with its Node, and the program that is process 1.
 *
 * Everything comes from here, so the guest needs no distribution and no network. The disk is made anew for each run,
 * from the working tree as it is, and shared by all layouts: what a guest writes is thrown away with it.
 */
import { execFileSync } from "node:child_process"
import {
  chmodSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { stripTypeScriptTypes } from "node:module"
import * as path from "node:path"
import { guests, which } from "./needs.mjs"

const size = "1536M"

/** Where the repository stands in the guest. */
const project = "project"

/** Packages that check or build, but run no test: half of the disk. */
const unused =
  /node_modules\/(@dprint|@oxlint|@typescript|@changesets|@redis|dprint|oxlint|typescript|prettier|undici)$/

const copy = (from, to, filter = () => true) =>
  cpSync(from, to, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true, filter })

/** The files that a program is loaded with: each line of ldd names one by its absolute path. */
const libraries = (file) => {
  try {
    return execFileSync("ldd", [file], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] })
      .match(/\/\S+(?= \(0x)/g) ?? []
  } catch {
    return [] // a static program
  }
}

const addPrograms = (root, natives) => {
  const wanted = new Set()
  for (const [name] of guests) {
    const file = realpathSync(which(name))
    copy(file, path.join(root, "bin", name))
    for (const library of libraries(file)) wanted.add(library)
  }
  for (const file of natives) for (const library of libraries(file)) wanted.add(library)
  for (const library of wanted) copy(realpathSync(library), path.join(root, library))
  symlinkSync("dash", path.join(root, "bin/sh"))
}

/**
 * Erases the types of our sources, so that no Node does it in the guest.
 *
 * Node does it by a program in WebAssembly. What V8 makes of that ends the process on emulated processors now and then, by
 * SIGSEGV or a failed check of V8's own: two owners of sixteen (QEMU 7.2, Node 24.21; on real ones nodejs/node#64500).
 */
const eraseTypes = (directory) => {
  for (const name of readdirSync(directory, { recursive: true })) {
    const file = path.join(directory, name)
    if (!name.endsWith(".ts") || name.includes("node_modules")) continue
    writeFileSync(file, stripTypeScriptTypes(readFileSync(file, "utf8")))
  }
}

/** Adds the repository, and answers with the libraries in it that Node loads. */
const addProject = (root, repository) => {
  const home = path.join(root, project)
  for (const name of ["package.json", "tsconfig.base.json", "vitest.workspace.ts"]) {
    copy(path.join(repository, name), path.join(home, name))
  }
  for (const name of ["packages", "examples", "node_modules"]) {
    copy(path.join(repository, name), path.join(home, name), (file) => !unused.test(file))
  }
  for (const name of ["packages", "examples"]) eraseTypes(path.join(home, name))
  // Where vite and vitest write, whoever the user is.
  for (const name of [".vite", ".vite-temp"]) {
    const directory = path.join(home, "node_modules", name)
    rmSync(directory, { recursive: true, force: true })
    mkdirSync(directory)
    chmodSync(directory, 0o1777)
  }
  return readdirSync(home, { recursive: true }).filter((file) => file.endsWith(".node")).map((file) =>
    path.join(home, file)
  )
}

const addGuest = (root) => {
  copy(path.join(import.meta.dirname, "guest"), path.join(root, "guest"))
  for (const name of ["dev", "proc", "sys", "tmp", "run", "etc", "root"]) mkdirSync(path.join(root, name))
  writeFileSync(path.join(root, "etc/passwd"), "root:x:0:0::/root:/bin/sh\nuser:x:1000:1000::/tmp:/bin/sh\n")
  writeFileSync(path.join(root, "etc/group"), "root:x:0:\nuser:x:1000:\n")
}

/** Makes the disk in `build`, and answers with its path. */
export const image = (repository, build) => {
  const root = path.join(build, "root")
  const file = path.join(build, "disk.img")
  rmSync(root, { recursive: true, force: true })
  rmSync(file, { force: true })
  mkdirSync(path.join(root, "bin"), { recursive: true })
  mkdirSync(path.join(root, "usr"))
  symlinkSync("../bin", path.join(root, "usr/bin"))
  addPrograms(root, [process.execPath, ...addProject(root, repository)])
  addGuest(root)
  execFileSync(which("mke2fs"), [
    "-q",
    "-t",
    "ext4",
    "-O",
    "^has_journal",
    "-E",
    "root_owner=0:0",
    "-d",
    root,
    file,
    size
  ])
  rmSync(root, { recursive: true })
  return file
}
