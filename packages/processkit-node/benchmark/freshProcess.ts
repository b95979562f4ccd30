/**
 * Runs Node anew, for what can be measured only once in a process: loading modules, and the peak of its memory.
 */
import { execFile } from "node:child_process"
import { promisify } from "node:util"

const run = promisify(execFile)

/** Runs Node with our own arguments; gives what it printed as JSON, and how long it lived in milliseconds. */
export const json = async (
  args: ReadonlyArray<string>,
  env: Readonly<Record<string, string>> = {}
): Promise<{ readonly answer: unknown; readonly time: number }> => {
  const start = performance.now()
  const { stdout } = await run(process.execPath, args, { cwd: import.meta.dirname, env: { ...process.env, ...env } })
  return { answer: JSON.parse(stdout), time: performance.now() - start }
}
