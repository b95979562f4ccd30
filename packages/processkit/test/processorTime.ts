/** Time that is used, as opposed to time that passes: what else a busy machine does adds nothing to it. */
import * as Effect from "effect/Effect"

const used = (since?: NodeJS.CpuUsage): number => {
  const { system, user } = process.cpuUsage(since)
  return (system + user) / 1000
}

/** The milliseconds of processor time that this process has for some work. */
export const timeOf = (work: () => unknown): number => {
  const began = process.cpuUsage()
  work()
  return used(began)
}

/** The same for an effect. */
export const timed = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<number, E, R> =>
  Effect.suspend(() => {
    const began = process.cpuUsage()
    return Effect.map(effect, () => used(began))
  })
