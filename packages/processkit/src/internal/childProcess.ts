/**
 * Reads the commands of `effect/process`: pure, and without loading that module.
 *
 * What this library cannot do is a problem that a start tells, never something that is left out in silence.
 */
import type * as ChildProcess from "effect/process/ChildProcess"
import type * as Command from "../Command.ts"
import type * as Stdin from "../Stdin.ts"

/** A command of ours, as far as it can be one. */
export interface Translated {
  readonly program: string
  readonly args: ReadonlyArray<Command.Argument>
  readonly options: Command.Options
  readonly invalid: Command.Command["invalid"]
}

type Problem = NonNullable<Command.Command["invalid"]>

/** The stages of a pipeline from left to right, and how each is connected to the next. */
export const flatten = (command: ChildProcess.Command): {
  readonly stages: ReadonlyArray<ChildProcess.StandardCommand>
  readonly links: ReadonlyArray<ChildProcess.PipeOptions>
} => {
  if (command._tag === "StandardCommand") return { stages: [command], links: [] }
  const [left, right] = [flatten(command.left), flatten(command.right)]
  return {
    stages: left.stages.concat(right.stages),
    links: left.links.concat([command.options], right.links)
  }
}

/** What a single command asks of its process, its streams apart. */
export const translated = ({ args, command, options }: ChildProcess.StandardCommand): Translated => {
  const shell = options.shell === true ? "/bin/sh" : options.shell === false ? "" : options.shell ?? ""
  const asked: Command.Options = {
    cwd: options.cwd,
    env: options.env,
    envClear: options.env !== undefined && options.extendEnv !== true,
    stop: {
      signal: options.killSignal as NonNullable<Command.Options["stop"]>["signal"],
      grace: options.forceKillAfter
    }
  }
  return {
    program: shell === "" ? command : shell,
    args: shell === "" ? args : ["-c", command],
    options: asked,
    invalid: unsupported(options) ?? (shell !== "" && args.length > 0 ? scriptWithArguments : undefined)
  }
}

const scriptWithArguments: Problem = {
  field: "the option shell",
  problem: "cannot be combined with arguments; pass the whole script as the command"
}

/** An option that this library has no way to honour. */
const unsupported = (options: ChildProcess.CommandOptions): Problem | undefined => {
  const { additionalFds, detached, stderr, stdin, stdout } = options
  if (!isWord(inputConfig(stdin).stream, isStream)) return unknownStream("stdin")
  if (!isWord(outputConfig(stdout), isSink)) return unknownStream("stdout")
  if (!isWord(outputConfig(stderr), isSink)) return unknownStream("stderr")
  return Object.keys(additionalFds ?? {}).some((name) => /^fd\d+$/.test(name))
    ? {
      field: "the option additionalFds",
      problem: "is not supported: verbs use standard streams only; start it through the bridge"
    }
    : detached === false
    ? { field: "the option detached", problem: "cannot be false: every child has a session of its own" }
    : undefined
}

const words: ReadonlySet<unknown> = new Set(["pipe", "inherit", "ignore", "overlapped"])

/** Whether a standard stream is one of the words, or what a stream may be besides. */
const isWord = (target: unknown, isOther: (value: object) => boolean): boolean =>
  words.has(target) || (typeof target === "object" && target !== null && isOther(target))

const unknownStream = (name: string): Problem => ({
  field: `the option ${name}`,
  problem: "is neither a way to set up a stream nor one"
})

/** A whole command, streams included, for verbs of ours. */
export const wholeCommand = (command: ChildProcess.Command): Translated => {
  if (command._tag === "PipedCommand") return refused("the command", "is a pipeline, and one command is wanted")
  const { args, invalid, options, program } = translated(command)
  const { stderr, stdin, stdout } = command.options
  const streams = [inputOf(stdin), outputOf("stdout", stdout), outputOf("stderr", stderr)] as const
  const problem = invalid ?? streams.find((stream): stream is Problem => isProblem(stream))
  if (problem !== undefined) return { program, args, options, invalid: problem }
  return {
    program,
    args,
    options: { ...options, stdin: streams[0] as Stdin.Stdin, stdout: streams[1] as never, stderr: streams[2] as never },
    invalid: undefined
  }
}

const refused = (field: string, problem: string): Translated => ({
  program: "",
  args: [],
  options: {},
  invalid: { field, problem }
})

const isProblem = (value: unknown): value is Problem =>
  typeof value === "object" && value !== null && "problem" in value

/** How the input of a command is set up, whichever way it was written. */
export const inputConfig = (stdin: ChildProcess.CommandOptions["stdin"]): ChildProcess.StdinConfig => {
  const given = stdin ?? "pipe"
  return typeof given === "object" && !isStream(given) ? given : { stream: given }
}

/** Where the output of a command goes, whichever way it was written. */
export const outputConfig = (output: ChildProcess.CommandOptions["stdout"]): ChildProcess.CommandOutput => {
  const given = output ?? "pipe"
  return typeof given === "object" && !isSink(given) ? given.stream ?? "pipe" : given
}

const isStream = (value: object): value is Extract<ChildProcess.CommandInput, object> => "~effect/Stream" in value

const isSink = (value: object): value is Extract<ChildProcess.CommandOutput, object> => "~effect/Sink" in value

/** A word for a standard stream, in ours: what is left is a stream of Effect's. */
export const ours = (word: string): "pipe" | "null" | "inherit" =>
  word === "ignore" ? "null" : word === "inherit" ? "inherit" : "pipe"

const inputOf = (stdin: ChildProcess.CommandOptions["stdin"]): Stdin.Stdin | Problem => {
  const { endOnDone, stream } = inputConfig(stdin)
  if (typeof stream === "string") return ours(stream)
  return endOnDone === false
    ? { field: "the option stdin", problem: "has endOnDone: false, and a verb ends the input with its source" }
    : stream
}

const outputOf = (
  field: string,
  output: ChildProcess.CommandOptions["stdout"]
): "pipe" | "null" | "inherit" | Problem => {
  const target = outputConfig(output)
  return typeof target === "string"
    ? ours(target)
    : { field: `the option ${field}`, problem: "is a sink, and a verb keeps the output itself" }
}
