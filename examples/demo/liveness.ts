/** Asks the operating system whether processes are alive: never the library that is being shown. */
import { readFileSync } from "node:fs"

/** A process that is gone, or a zombie that nobody has reaped yet, is not alive. */
export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1")
    return stat.slice(stat.lastIndexOf(")") + 2, stat.lastIndexOf(")") + 3) !== "Z"
  } catch {
    // Without /proc the answer of kill(2) has to do; it counts zombies.
    return true
  }
}

/** Waits until none of the processes is alive, or the time is over. */
export const untilGone = async (pids: ReadonlyArray<number>, millis: number): Promise<void> => {
  const end = performance.now() + millis
  while (performance.now() < end && pids.some(isAlive)) await new Promise((next) => setTimeout(next, 20))
}
