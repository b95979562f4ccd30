/**
 * Runs the series that are named, or all of them, and prints their tables.
 *
 * `npm run benchmark -- [series…] [--rounds n] [--seed n] [--quick] [--no-peak]`
 */
import * as os from "node:os"
import { parseArgs } from "node:util"
import { allSeries } from "./allSeries.ts"
import type { Settings } from "./harness.ts"
import { measure } from "./harness.ts"
import * as Imports from "./imports.ts"
import * as PeakMemory from "./peakMemory.ts"
import { digits, markdown } from "./table.ts"
import * as Teardown from "./teardown.ts"

const printSeries = async (name: string, settings: Settings): Promise<void> => {
  const series = allSeries[name]?.(settings.quick)
  if (series === undefined) throw new Error(`no series is called ${name}`)
  const summaries = await measure(series, settings)
  // The process that shows the peak does a contender's work and has no surroundings.
  const peaks = !values["no-peak"] && series.surroundings === undefined && series.pause === undefined
    ? await PeakMemory.measure(name, summaries.map((summary) => summary.name), settings.quick)
    : []
  console.log(`\n### ${series.title}\n`)
  console.log(markdown(summaries, [
    { heading: name, cell: (row) => row.name },
    { heading: "ms", cell: (row) => digits(row.time) },
    { heading: "× bare", cell: (row) => digits(row.timeRatio) },
    { heading: "busy ms", cell: (row) => digits(row.busy) },
    { heading: "× bare", cell: (row) => digits(row.busyRatio) },
    { heading: "longest stall, ms", cell: (row) => digits(row.stall) },
    { heading: "peak MB", cell: (_, i) => digits(peaks[i] ?? Number.NaN) }
  ]))
}

const printImports = async (settings: Settings): Promise<void> => {
  const rows = await Imports.measure(settings)
  console.log("\n### Loading a library in a fresh process\n")
  console.log(markdown(rows, [
    { heading: "imports", cell: (row) => row.name },
    { heading: "process ms", cell: (row) => digits(row.life) },
    { heading: "× bare", cell: (row) => digits(row.lifeRatio) },
    { heading: "import ms", cell: (row) => digits(row.time) },
    { heading: "MB", cell: (row) => digits(row.memory) }
  ]))
}

const printTeardown = async (settings: Settings): Promise<void> => {
  const rows = await Teardown.measure(settings)
  console.log("\n### The end of a tree of 201 processes\n")
  if (typeof rows === "string") return console.log(`Not measured: there is no ${rows} here.`)
  console.log(markdown(rows, [
    { heading: "teardown", cell: (row) => row.name },
    { heading: "ms", cell: (row) => digits(row.time) },
    { heading: "× C", cell: (row) => digits(row.timeRatio) }
  ]))
}

const others: Readonly<Record<string, (settings: Settings) => Promise<void>>> = {
  teardown: printTeardown,
  imports: printImports
}

const count = (text: string | undefined, otherwise: number): number => {
  const value = text === undefined ? otherwise : Number(text)
  if (!Number.isSafeInteger(value) || value < 1) throw new Error(`not a count: ${text}`)
  return value
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string" },
    seed: { type: "string" },
    quick: { type: "boolean", default: false },
    "no-peak": { type: "boolean", default: false }
  }
})
const settings: Settings = {
  quick: values.quick,
  rounds: count(values.rounds, values.quick ? 1 : 25),
  seed: count(values.seed, Date.now() % 1_000_000 + 1)
}

const machine = `${os.cpus()[0]?.model.trim() ?? "unknown"} × ${os.availableParallelism()}`
const variables = Object.keys(process.env).length
console.log(`Node ${process.version}, ${os.type()} ${os.release()}, ${machine}, ${variables} environment variables`)
console.log(`${settings.rounds} rounds, seed ${settings.seed}, ${new Date().toISOString().slice(0, 10)}`)
const names = positionals.length > 0 ? positionals : [...Object.keys(allSeries), ...Object.keys(others)]
for (const name of names) await (others[name]?.(settings) ?? printSeries(name, settings))
process.exit()
