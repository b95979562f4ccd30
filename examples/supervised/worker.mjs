// Takes jobs from a directory by renaming them, and crashes on those that are bad: at first, and for good where it must.
import { existsSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs"

const [directory = ".", name = "worker"] = process.argv.slice(2)

const take = () => {
  const job = readdirSync(directory).toSorted().find((file) => file.endsWith(".job"))
  if (job === undefined) return undefined
  try {
    renameSync(`${directory}/${job}`, `${directory}/${job}.${name}`)
    return job
  } catch {
    return take()
  }
}

for (let job = take(); job !== undefined; job = take()) {
  await new Promise((resolve) => setTimeout(resolve, 20))
  const tried = `${directory}/${job}.tried`
  if (job.startsWith("bad") && !existsSync(tried)) {
    writeFileSync(tried, "")
    renameSync(`${directory}/${job}.${name}`, `${directory}/${job}`)
    console.error(`${name}: crashed on ${job}`)
    process.exit(1)
  }
  rmSync(`${directory}/${job}.${name}`)
  console.log(`${name}: did ${job}`)
}
