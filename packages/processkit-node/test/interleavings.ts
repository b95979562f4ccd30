/**
 * Plans of random interleavings: who is started, what the group is asked meanwhile, and how each program is waited for.
 *
 * A plan is a pure function of its seed, so that a run that found something can be had again.
 */

export const kinds = ["short", "long", "flooder"] as const
export const groupOperations = [
  "members",
  "membersInfo",
  "stats",
  "suspend",
  "resume",
  "SIGTERM",
  "SIGINT",
  "SIGHUP",
  "shutdown",
  "kill"
] as const
export const childOperations = ["isRunning", "counters", "waitForLine", "signal", "stop", "kill"] as const
export const endings = ["outcome", "result", "resultBytes", "stdoutLines", "interrupt"] as const

type One<A extends ReadonlyArray<unknown>> = A[number]

/** An operation, and after how many milliseconds it is asked for. */
export interface Timed<A> {
  readonly after: number
  readonly what: A
}

export interface Plan {
  readonly children: ReadonlyArray<{
    readonly kind: One<typeof kinds>
    readonly operations: ReadonlyArray<Timed<One<typeof childOperations>>>
    readonly ending: One<typeof endings>
  }>
  readonly operations: ReadonlyArray<Timed<One<typeof groupOperations>>>
  /** After how many milliseconds the scope closes, whatever is under way. */
  readonly closesAfter: number
}

/** The generator "mulberry32": 32 bits of state are plenty for plans of a few dozen draws. */
const random = (seed: number): () => number => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export const plan = (seed: number): Plan => {
  const draw = random(seed)
  const below = (bound: number): number => Math.floor(draw() * bound)
  const pick = <A>(items: ReadonlyArray<A>): A => items[below(items.length)] as A
  const timed = <A>(items: ReadonlyArray<A>): Timed<A> => ({ after: below(60), what: pick(items) })
  const times = <A>(least: number, most: number, make: () => A): Array<A> =>
    Array.from({ length: least + below(most - least + 1) }, make)
  return {
    children: times(2, 4, () => ({
      kind: pick(kinds),
      operations: times(0, 2, () => timed(childOperations)),
      ending: pick(endings)
    })),
    operations: times(2, 5, () => timed(groupOperations)),
    closesAfter: 20 + below(120)
  }
}
