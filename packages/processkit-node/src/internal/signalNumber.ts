/**
 * The number of a signal on this machine.
 */
import * as fs from "node:fs"
import * as os from "node:os"
import type * as Signal from "processkit/Signal"

/**
 * The first real-time signal that the C library leaves to programs: 34 with glibc (signal(7), man-pages 6.7: the
 * kernel's 32 and 33 are taken by its threads), 35 with musl 1.2 (`src/signal/sigrtmin.c`).
 */
export const realTimeMinimum = (libc: "glibc" | "musl"): number => libc === "glibc" ? 34 : 35

/** The number of SIGKILL, the same on every system (kill(1), POSIX.1-2017). */
export const SIGKILL = 9

/** The last real-time signal on Linux. Source: signal(7), man-pages 6.7. */
const realTimeMaximum = 64

/** Tells the C library from the head of an executable, where the path of its loader stands. */
export const libcOf = (head: string): "glibc" | "musl" => head.includes("/ld-musl-") ? "musl" : "glibc"

const ownLibc = (): "glibc" | "musl" => {
  const head = Buffer.alloc(4096)
  try {
    const fd = fs.openSync(process.execPath, fs.constants.O_RDONLY)
    try {
      return libcOf(head.toString("latin1", 0, fs.readSync(fd, head, 0, head.length, 0)))
    } finally {
      fs.closeSync(fd)
    }
  } catch {
    return "glibc"
  }
}

let minimum: number | undefined

const realTime = (offset: number): number | undefined => {
  if (process.platform !== "linux") return undefined // macOS has none: signal(3), macOS 14
  minimum ??= realTimeMinimum(ownLibc())
  return minimum + offset <= realTimeMaximum ? minimum + offset : undefined
}

/** Gets the number of a signal; undefined where this system does not have it. */
export const signalNumber = (signal: Signal.Signal): number | undefined => {
  if (signal.startsWith("SIGRTMIN+")) return realTime(Number(signal.slice("SIGRTMIN+".length)))
  const numbers: Readonly<Record<string, number>> = os.constants.signals
  return Object.hasOwn(numbers, signal) ? numbers[signal] : undefined
}
