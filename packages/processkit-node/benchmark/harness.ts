/**
 * Measures contenders side by side: in one process, in rounds, in another order in each round.
 *
 * A machine is never the same twice, so a time says little and a ratio says much: each contender is compared with the
 * first one of its series within the same round, and the median of those ratios is what the table shows.
 */
import { monitorEventLoopDelay, performance } from "node:perf_hooks"
import { setTimeout } from "node:timers/promises"
import { median, random, shuffled } from "./statistics.ts"

/** One way to do the work of a series. `load` brings in what it needs, and answers with one unit of the work. */
export interface Contender {
  readonly name: string
  readonly load: () => Promise<() => Promise<unknown>>
}

/** Contenders that do equal work; the first is what the others are compared with. */
export interface Series {
  readonly title: string
  readonly contenders: ReadonlyArray<Contender>
  /** How often a contender does its work in one round, and what that counts as: 16 at a time are one unit. */
  readonly repetitions: number
  /** Fails where a contender did not do the work. */
  readonly check: (answer: unknown) => void
  /** How long nothing happens before each unit of work, in milliseconds; not part of any cost. */
  readonly pause?: number
  /** Makes what the series needs beside its contenders, and gives what releases it. */
  readonly surroundings?: () => () => void
}

/** What one contender cost in one round; times in milliseconds for one unit of work. */
export interface Cost {
  readonly time: number
  /** How long the event loop was kept from anything else, in sum. */
  readonly busy: number
  /** The longest that a timer of one millisecond came late: what a stretch of work means to everybody else. */
  readonly stall: number
}

export interface Summary extends Cost {
  readonly name: string
  readonly timeRatio: number
  readonly busyRatio: number
}

export interface Settings {
  readonly rounds: number
  readonly seed: number
  readonly quick: boolean
}

/** The least interval of the delay monitor, in milliseconds: it is a timer of the event loop that it watches. */
const resolution = 1

/** The monitor hears of a stall when its timer fires next, and only from its second time on. */
const settling = 4 * resolution

const cost = async (work: () => Promise<unknown>, { pause, repetitions }: Series): Promise<Cost> => {
  // What others left on the heap is not this contender's to collect.
  globalThis.gc?.()
  const delays = monitorEventLoopDelay({ resolution })
  delays.enable()
  await setTimeout(settling)
  let time = 0
  let busy = 0
  for (let i = 0; i < repetitions; i++) {
    if (pause !== undefined) await setTimeout(pause)
    const loop = performance.eventLoopUtilization()
    const start = performance.now()
    await work()
    time += performance.now() - start
    // "Active" is every moment outside the poll for events: computing, collecting garbage, blocked in a system call.
    busy += performance.eventLoopUtilization(loop).active
  }
  await setTimeout(settling)
  delays.disable()
  return { time: time / repetitions, busy: busy / repetitions, stall: Math.max(0, delays.max / 1e6 - resolution) }
}

const summaryOf = (name: string, mine: ReadonlyArray<Cost>, bare: ReadonlyArray<Cost>): Summary => {
  const ratio = (key: keyof Cost) => median(mine.map((cost, round) => cost[key] / (bare[round]?.[key] ?? Number.NaN)))
  const middle = (key: keyof Cost) => median(mine.map((cost) => cost[key]))
  return {
    name,
    time: middle("time"),
    busy: middle("busy"),
    stall: middle("stall"),
    timeRatio: ratio("time"),
    busyRatio: ratio("busy")
  }
}

/** Runs a series. The first round warms up and checks the work; it does not count. */
export const measure = async (series: Series, settings: Settings): Promise<ReadonlyArray<Summary>> => {
  const release = series.surroundings?.()
  const summaries = await inRounds(series, settings)
  release?.()
  return summaries
}

const inRounds = async (series: Series, settings: Settings): Promise<ReadonlyArray<Summary>> => {
  const { check, contenders } = series
  const next = random(settings.seed)
  const entries = await Promise.all(
    contenders.map(async ({ load, name }) => ({ name, work: await load(), costs: new Array<Cost>() }))
  )
  for (const { work } of entries) {
    check(await work())
    if (!settings.quick) await cost(work, series)
  }
  for (let round = 0; round < settings.rounds; round++) {
    for (const { costs, work } of shuffled(entries, next)) costs.push(await cost(work, series))
  }
  const bare = entries[0]?.costs ?? []
  return entries.map(({ costs, name }) => summaryOf(name, costs, bare))
}
