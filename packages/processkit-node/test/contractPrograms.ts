/** The programs that the contract suite of backends asks for, as small scripts of `/bin/sh` and Node. */
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import type * as SpawnAttributes from "processkit/SpawnAttributes"
import type { BackendPrograms } from "processkit/testing"

type Line = BackendPrograms.Line

const sh = (script: string, ...args: ReadonlyArray<string>): Line => ({
  program: "/bin/sh",
  args: ["-c", script, "sh", ...args]
})

const js = (script: string, ...args: ReadonlyArray<string>): Line => ({
  program: process.execPath,
  args: ["-e", script, "--", ...args]
})

/** Where a program on Linux finds each of its attributes; not its limits, which Node raises for itself. */
const attributes: Record<Exclude<SpawnAttributes.Name, "rlimits">, string> = {
  argv0: "process.argv0",
  uid: "status('Uid')[0]",
  gid: "status('Gid')[0]",
  groups: "status('Groups').map(Number).sort((a, b) => a - b).join(' ')",
  umask: "process.umask().toString(8)",
  priority: "require('os').getPriority()",
  affinity: "status('Cpus_allowed_list').join(' ')",
  ioPriority: "run('ionice', ['-p', process.pid]).trim().replace('best-effort: prio', 'bestEffort')",
  noNewPrivileges: "status('NoNewPrivs')[0]",
  // After the name: state, parent, group, session, terminal, and the foreground group of the terminal (proc_pid_stat(5)).
  terminal:
    "(([, , group, , , foreground]) => group === foreground && group === String(process.pid) ? 'shared' : 'not shared')" +
    "(file('stat').replace(/^.*\\) /s, '').split(' '))"
}

const attribute = (name: keyof typeof attributes): string =>
  "const run = (program, args) => require('child_process').execFileSync(program, args, { encoding: 'utf8' });" +
  "const file = (name) => require('fs').readFileSync('/proc/self/' + name, 'latin1');" +
  "const status = (name) => new RegExp('^' + name + ':(.*)$', 'm').exec(file('status'))[1].trim().split(/\\s+/).filter(Boolean);" +
  `process.stdout.write(String(${attributes[name]}))`

/** Every program that keeps running prints `ready` once it has done what its name says. */
export const programs: BackendPrograms.BackendPrograms["Service"] = {
  printsTwoStreams: sh("echo out; echo err >&2"),
  exitsWith: (code) => sh(`exit ${code}`),
  diesBySignal: (signal) => sh(`ulimit -c 0; kill -${signal.slice(3)} $$`),
  floods: (bytes) =>
    js(
      "const block = Uint8Array.from({ length: 251 }, (_, i) => i);" +
        "process.stdout.write(Buffer.alloc(Number(process.argv[1]), block))",
      `${bytes}`
    ),
  echoesStdin: sh("exec cat"),
  printsArguments: (args) => sh("printf '%s\\0' \"$@\"", ...args),
  // Not a shell: some shells give a child a PATH that nobody asked for.
  printsVariable: (name) =>
    js("const v = process.env[process.argv[1]]; process.stdout.write(v === undefined ? '' : '=' + v)", name),
  printsDirectory: sh("printf %s \"$PWD\""),
  printsAttribute: (name) =>
    name === "rlimits" ? sh("printf '%s %s' \"$(ulimit -Sn)\" \"$(ulimit -Hn)\"") : js(attribute(name)),
  waits: sh("echo ready; exec sleep 1000"),
  waitsFor: (path) => sh("until [ -e \"$1\" ]; do sleep 0.05; done; echo found", path),
  ignoresTerm: sh("trap '' TERM; echo ready; exec sleep 1000"),
  trapsTerm: js(
    "process.on('SIGTERM', () => { console.log('bye'); process.exit(143) }); setInterval(() => {}, 1e6); console.log('ready')"
  ),
  spawnsTree: sh("sleep 1000 >/dev/null 2>&1 </dev/null & echo ready; wait"),
  holdsPipeOpen: sh("sleep 1000 & echo ready; exit 0"),
  missing: { program: "no-such-program-here", args: [] },
  freshPath: Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "processkit-contract-"))),
      (directory) => Effect.sync(() => fs.rmSync(directory, { recursive: true, force: true }))
    ),
    (directory) => path.join(directory, "file")
  )
}
