/**
 * Names the errno that the kernel gave, as Node does.
 */
import { constants } from "node:os"

const names = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]))

/** Gets the name of a number; `UNKNOWN` where there is none. */
export const errnoName = (errno: number): string => names.get(errno) ?? "UNKNOWN"
