/** The tree in a process group: it ends with its scope. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Command from "processkit/Command"
import * as ProcessGroup from "processkit/ProcessGroup"
import * as Tree from "./tree.ts"

/** Starts the tree in a group and waits until it is complete. */
export const start = Effect.gen(function*() {
  const group = yield* ProcessGroup.makeWith({ stop: { grace: "1 second" } })
  const running = yield* group.start(Command.make(Tree.command[0], Tree.command[1]))
  const lines = yield* Stream.runCollect(Stream.takeUntil(running.stdoutLines, (line) => line.startsWith("ready")))
  return { group, members: Tree.parse(lines) ?? [] }
})
