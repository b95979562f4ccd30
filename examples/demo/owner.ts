/** A program that starts the tree, prints who is in it, and does nothing more: the demo kills it with SIGKILL. */
import * as Effect from "effect/Effect"
import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
import * as Contained from "./contained.ts"
import * as Plain from "./plain.ts"

const tell = (members: ReadonlyArray<unknown>): void => console.log(JSON.stringify(members))

if (process.argv[2] === "plain") {
  tell((await Plain.start()).members)
} else {
  const program = Effect.scoped(Effect.flatMap(Contained.start, ({ members }) => {
    tell(members)
    return Effect.never
  }))
  await Effect.runPromise(Effect.provide(program, NodeProcessRunner.layer))
}
