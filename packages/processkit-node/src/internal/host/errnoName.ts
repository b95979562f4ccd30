/**
 * Names the errno that the kernel gave.
 */
import { constants } from "node:os"

/** Second names of numbers, which Linux has for the sake of other systems. */
const aliases: ReadonlySet<string> = new Set(["EWOULDBLOCK", "ENOTSUP"])

const names = new Map(
  Object.entries(constants.errno).flatMap(([name, number]) => aliases.has(name) ? [] : [[number, name] as const])
)

/** Gets the name of a number; `UNKNOWN` where there is none. */
export const errnoName = (errno: number): string => names.get(errno) ?? "UNKNOWN"
