/**
 * What a command that gets the owner's terminal has by default, and what contradicts it: pure.
 */
import type * as Command from "../Command.ts"
import { isCaptured } from "./outputRules.ts"
import { own, refuse } from "./refusal.ts"

type Streams = Pick<Command.Options, "stdin" | "stdout" | "stderr">

/** Whether a command is to get the terminal. */
export const isShared = (options: Command.Options): boolean => own(options, "terminal") !== undefined

/** The standard streams of a command as they are without further words: a program with the terminal has all three on it. */
export const streams = (options: Command.Options): Streams => {
  const { stderr, stdin, stdout } = options
  return isShared(options)
    ? { stdin: stdin ?? "inherit", stdout: stdout ?? "inherit", stderr: stderr ?? "inherit" }
    : { stdin, stdout, stderr }
}

/** Refuses whoever would wait in vain for what a program writes to the terminal. */
export const check = (options: Command.Options): void => {
  if (!isShared(options)) return
  const { onStderrLine, onStdoutLine } = options
  const { stderr, stdout } = streams(options)
  if (onStdoutLine !== undefined && !isCaptured(stdout)) refuse("onStdoutLine", unheard)
  if (onStderrLine !== undefined && !isCaptured(stderr)) refuse("onStderrLine", unheard)
}

const unheard = "is never called where the program writes to the terminal; make that stream a pipe"
