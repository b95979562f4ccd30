/**
 * What a failed run had printed, in its message and where an error is printed.
 */
import * as Text from "./textHygiene.ts"

/**
 * What a failed run had printed; `stdoutBytes` only where the verb captured bytes. `stdoutOf` names who printed `stdout` where
 * that is another program: the last stage of a pipeline.
 */
export interface Captured {
  readonly stdout: string
  readonly stdoutOf?: string | undefined
  readonly stderr: string
  readonly stdoutBytes?: Uint8Array | undefined
}

/** What a message says of it: the line that says most, and whose it is where it is not the program's own. */
export const tail = ({ stderr, stdout, stdoutOf }: Captured): string => {
  const line = Text.diagnosis(stdout, stderr)
  if (line === "") return ""
  const isOwn = stdoutOf === undefined || Text.lastLine(stderr) !== ""
  return isOwn ? `: ${line}` : `; ${Text.shown(stdoutOf)} printed: ${line}`
}

/** What printing a reason shows: long streams cut, bytes by length. */
export const preview = (reason: Captured & { readonly _tag: string }): Record<string, unknown> => {
  const shown: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(reason)) {
    if (key === "stdout" || key === "stderr") shown[key] = Text.cut(String(value))
    else if (key === "stdoutBytes") shown[key] = `<${reason.stdoutBytes?.length ?? 0} bytes>`
    else shown[key] = value
  }
  return { _tag: reason._tag, ...shown }
}
