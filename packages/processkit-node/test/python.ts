/** Fixtures in Python reach system calls that neither Node nor a shell has. */
import { spawnSync } from "node:child_process"
import * as Command from "processkit/Command"
import { fixture, has } from "./programs.ts"

/** Whether this machine can run them, by trying. */
export const hasPython: boolean = has("python3", spawnSync("python3", ["-c", ""]).status === 0)

/** A fixture in Python. */
export const python = (
  name: string,
  args: ReadonlyArray<string> = [],
  options: Command.Options = {}
): Command.Command => Command.make("python3", [fixture(name), ...args], options)
