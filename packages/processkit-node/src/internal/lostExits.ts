/**
 * Notices a child whose exit status somebody else has taken.
 *
 * Native code in the owner that waits for any child (`waitpid(-1, …)`) takes the status away from libuv, which then
 * never reports an exit (`uv__wait_children`, libuv 1.x: ECHILD is passed over). A leader that does not exist although
 * its end was not reported has been taken; it is looked for rarely, by one timer that keeps nobody alive.
 */
import * as LiveTrees from "./liveTrees.ts"
import * as Signalling from "./signalling.ts"

/** How long a lost status may go unnoticed. */
const interval = 500

let timer: NodeJS.Timeout | undefined

/**
 * Race: none with a report that is under way. libuv reaps and reports within one phase of the event loop, and a timer
 * fires in another.
 */
const check = (): void => {
  for (const tree of LiveTrees.all()) {
    if (tree.lineage.phase !== "running") continue
    const leader = { _tag: "leader", pid: tree.lineage.leader, isReaped: () => false } as const
    if (Signalling.send(leader, 0, undefined) === "gone") tree.onLost()
  }
}

const adjust = (): void => {
  if (LiveTrees.count() === 0) {
    clearInterval(timer)
    timer = undefined
  } else {
    timer ??= setInterval(check, interval).unref()
  }
}

/** Keeps watch from now on whenever a tree is alive. */
export const install = (): void => LiveTrees.listen("lostExits", adjust)
