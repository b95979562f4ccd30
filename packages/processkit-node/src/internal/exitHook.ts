/**
 * Ends everything when the owner ends in an orderly way: return, `process.exit`, uncaught exception.
 *
 * One listener serves any number of groups, and it is there only while something is alive. It kills at once and without
 * grace, since nothing asynchronous runs any more, and leaves the exit code alone. A worker thread has a `process` of
 * its own and its own hook, which runs when the thread ends.
 */
import { killNow } from "./ending.ts"
import * as LiveTrees from "./liveTrees.ts"

const onExit = (): void => {
  const trees = LiveTrees.all()
  for (const table of new Set(trees.map((tree) => tree.table))) {
    killNow({ table, trees: () => LiveTrees.all().filter((tree) => tree.table === table) })
  }
}

let isInstalled = false

const adjust = (): void => {
  const isNeeded = LiveTrees.count() > 0
  if (isNeeded === isInstalled) return
  isInstalled = isNeeded
  if (isNeeded) process.on("exit", onExit)
  else process.off("exit", onExit)
}

/** Keeps the hook in place from now on whenever a tree is alive. */
export const install = (): void => LiveTrees.listen("exitHook", adjust)
