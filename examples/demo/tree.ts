/** The process tree that the demo starts, and who is in it. */
import { fileURLToPath } from "node:url"

/** Program and arguments that start the tree. */
export const command = ["/bin/sh", [fileURLToPath(new URL("tree.sh", import.meta.url)), process.execPath]] as const

/** A process of the tree by the part it plays. */
export interface Member {
  readonly role: string
  readonly pid: number
}

/** Reads the lines that the tree prints about itself; `undefined` until it is complete. */
export const parse = (lines: ReadonlyArray<string>): ReadonlyArray<Member> | undefined => {
  const members = lines.map((line) => line.split(" ")).map(([role = "", pid]) => ({ role, pid: Number(pid) }))
  return members.some((member) => member.role === "ready") ? members.filter((member) => member.pid > 0) : undefined
}
