/** Owners as programs of their own: started with members that carry a mark, ended by a line, and looked after. */
import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { allowance } from "./slowness.ts"
import { makeMark } from "./survivors.ts"
import { eventually, fixture } from "./world.ts"

/** Starts the fixture of an owner and waits until it has all of its members. */
export const owning = Effect.fnUntraced(function*(name: string, args: ReadonlyArray<string>, members: number) {
  const mark = makeMark()
  const [variable, value] = mark.variable
  const flags = ["--conditions=processkit-source", "--max-old-space-size=64"]
  const owner = spawn(process.execPath, [...flags, fixture(name), ...args], {
    cwd: "/",
    env: { ...process.env, [variable]: value },
    stdio: ["pipe", "pipe", "ignore"]
  })
  const exit = once(owner, "exit")
  // Of a test that fails: a stopped owner dies of it too, and its tree with it.
  yield* Effect.addFinalizer(() => Effect.sync(() => owner.kill("SIGKILL")))
  const [said] = yield* Effect.promise(() => Promise.race([once(owner.stdout, "data"), exit]))
  yield* eventually("owner and members are there", () => mark.survivors().length >= members + 1)
  return { owner, exit, pid: owner.pid ?? 0, said: String(said), survivors: mark.survivors }
})

export type Owner = Effect.Success<ReturnType<typeof owning>>

/** Lets an owner end, and gives how it ended and who is alive one second later, or when nobody is. */
export const ending = Effect.fnUntraced(function*({ exit, owner, survivors }: Owner, isClean: () => boolean) {
  owner.stdin.write("now\n")
  const ended = yield* Effect.promise(() => exit)
  const over = performance.now() + allowance(1_000)
  yield* eventually(
    "a second passes or nothing is left",
    () => (survivors().length === 0 && isClean()) || performance.now() > over
  )
  return { ended, survivors: survivors() }
})
