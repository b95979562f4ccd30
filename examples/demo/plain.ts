/** The tree as most programs start and end it: `spawn`, then `kill`. */
import { spawn } from "node:child_process"
import { createInterface } from "node:readline"
import * as Tree from "./tree.ts"

/** Starts the tree and waits until it is complete. */
export const start = async () => {
  const child = spawn(Tree.command[0], Tree.command[1], { stdio: ["ignore", "pipe", "inherit"] })
  const lines: Array<string> = []
  for await (const line of createInterface(child.stdout)) {
    lines.push(line)
    const members = Tree.parse(lines)
    if (members !== undefined) return { child, members }
  }
  throw new Error("the tree ended before it was complete")
}
