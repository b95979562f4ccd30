/**
 * The series that run inside one process, by name.
 */
import { captureLines } from "./captureLines.ts"
import { concurrentTrue } from "./concurrentTrue.ts"
import type { Series } from "./harness.ts"
import { isolatedTrue } from "./isolatedTrue.ts"
import { largeOwner } from "./largeOwner.ts"
import { pipeline } from "./pipeline.ts"
import { sequentialTrue } from "./sequentialTrue.ts"
import { streamBytes } from "./streamBytes.ts"
import { eachLine, streamLines } from "./streamLines.ts"

export const allSeries: Readonly<Record<string, (quick: boolean) => Series>> = {
  sequentialTrue,
  concurrentTrue,
  isolatedTrue,
  captureLines,
  streamLines,
  eachLine,
  streamBytes,
  pipeline,
  // Last, because the memory that it holds may not all be given back.
  largeOwner
}
