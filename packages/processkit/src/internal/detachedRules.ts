/**
 * Checks what may be asked of a program that nobody owns: pure.
 *
 * What is kept is listed, and everything else is refused by its name, so that an option that is added later is refused
 * until somebody has thought of it.
 */
import type * as Command from "../Command.ts"
import type * as ProcessBackend from "../ProcessBackend.ts"
import * as Stdin from "../Stdin.ts"
import * as Stdio from "../Stdio.ts"
import * as OutputRules from "./outputRules.ts"
import { refuse } from "./refusal.ts"

/** What is over when the program runs. */
const kept: ReadonlyArray<keyof Command.Options> = [
  "cwd",
  "env",
  "envClear",
  "inheritEnv",
  "preferLocal",
  "stdin",
  "stdout",
  "stderr",
  "argv0",
  "uid",
  "gid",
  "groups",
  "umask",
  "rlimits",
  "priority",
  "affinity",
  "ioPriority",
  "noNewPrivileges",
  "windowsHide"
]

/** Refuses every option that somebody would have to be there for while the program runs, or at its end. */
export const ownerless = (options: Command.Options): void => {
  const isKept: ReadonlySet<string> = new Set(kept)
  const [name] = Object.entries(options).find(([name, value]) => value !== undefined && !isKept.has(name)) ?? []
  if (name !== undefined) refuse(name, "needs an owner, and a detached program has none")
}

type Check = (field: string, value: string) => string

const ends = "would end with its owner; a detached program can have \"null\" or a file"

const input = (stdin: Command.Options["stdin"], path: Check): ProcessBackend.Input => {
  if (stdin === undefined || stdin === "null") return "null"
  return Stdin.isSource(stdin) && stdin._tag === "File"
    ? { _tag: "File", path: path("the path of stdin", stdin.path) }
    : refuse("stdin", ends)
}

const output = (field: "stdout" | "stderr", value: Command.Options["stdout"], path: Check): ProcessBackend.Output => {
  if (value === undefined || value === "null") return "null"
  return Stdio.isDestination(value) && value._tag === "File"
    ? OutputRules.destination(field, value, path)
    : refuse(field, ends)
}

/** The streams of a detached program: nothing by default, for nobody reads what it writes. */
export const streams = (
  { stderr, stdin, stdout }: Command.Options,
  path: Check
): Pick<ProcessBackend.SpawnRequest, "stdin" | "stdout" | "stderr"> => ({
  stdin: input(stdin, path),
  stdout: output("stdout", stdout, path),
  stderr: output("stderr", stderr, path)
})
