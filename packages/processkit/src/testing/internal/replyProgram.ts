/** What a reply does once it runs. */
import * as Effect from "effect/Effect"
import type { End, Io, Program } from "../../internal/scriptedProcess.ts"
import * as Signals from "../../internal/scriptedSignals.ts"
import * as Outcome from "../../Outcome.ts"
import type * as Reply from "../Reply.ts"

/** `interactive` is a program whose input somebody writes by hand: it does not wait for the end of that. */
export const programOf = (reply: Reply.Reply, interactive: boolean): Program => ({
  main: (io) => {
    const { descendant } = reply
    const forked = descendant === undefined ? Effect.void : io.fork(programOf(descendant, true))
    return forked.pipe(
      Effect.andThen(openDoors(io, reply)),
      Effect.andThen(speak(new Lines(io), reply, interactive))
    )
  },
  signals: dispositionsOf(reply)
})

const dispositionsOf = ({ signals }: Reply.Reply): Signals.Dispositions =>
  Object.fromEntries(
    Object.entries(signals).map(([signal, answer]) => [
      signal,
      answer === undefined || answer === "ignore"
        ? answer
        : { stdout: answer.stdout, exit: Outcome.exited(answer.code) }
    ])
  )

/** Opens doors as their times come, beside everything else; the program does not wait for them. */
const openDoors = (io: Io, { reachable }: Reply.Reply): Effect.Effect<void> =>
  Effect.forEach(
    reachable,
    ({ after, door }) =>
      Effect.forkChild(Effect.andThen(Effect.sleep(after), io.open(door)), { startImmediately: true }),
    { discard: true }
  )

/** Prints, then asks or ends. */
const speak = (input: Lines, reply: Reply.Reply, interactive: boolean): Effect.Effect<End> =>
  Effect.andThen(print(input.io, reply), goOn(input, reply.ending, interactive))

const goOn = (input: Lines, ending: Reply.Ending, interactive: boolean): Effect.Effect<End> => {
  switch (ending._tag) {
    case "Asks":
      return ask(input, ending, interactive)
    case "Reads":
      return Effect.flatMap(input.all, (text) => speak(input, ending.next(text), interactive))
    default:
      return conclude(input, ending, interactive)
  }
}

const print = (io: Io, { delay, stderr, stdout }: Reply.Reply): Effect.Effect<void> => {
  if (delay === undefined) return Effect.andThen(io.write("stdout", stdout), io.write("stderr", stderr))
  if (stdout.length + stderr.length === 0) return Effect.sleep(delay)
  const slowly = (stream: "stdout" | "stderr", output: Reply.Output) =>
    Effect.forEach(linesOf(output), (line) => Effect.andThen(Effect.sleep(delay), io.write(stream, line)), {
      discard: true
    })
  return Effect.all([slowly("stdout", stdout), slowly("stderr", stderr)], { concurrency: 2, discard: true })
}

const newline = 0x0a

/** The output cut after each newline. */
const linesOf = (output: Reply.Output): ReadonlyArray<Uint8Array> => {
  const bytes = typeof output === "string" ? new TextEncoder().encode(output) : output
  const lines: Array<Uint8Array> = []
  for (let from = 0; from < bytes.length;) {
    const end = bytes.indexOf(newline, from)
    const next = end === -1 ? bytes.length : end + 1
    lines.push(bytes.subarray(from, next))
    from = next
  }
  return lines
}

const ask = (
  input: Lines,
  { next, prompt }: Extract<Reply.Ending, { readonly _tag: "Asks" }>,
  interactive: boolean
): Effect.Effect<End> =>
  input.io.write("stdout", prompt).pipe(
    Effect.andThen(input.line),
    Effect.flatMap((answer) => speak(input, next(answer), interactive))
  )

/** Only programs that were started get this far, so the endings of those that were not are left out. */
const conclude = (input: Lines, ending: Reply.Ending, interactive: boolean): Effect.Effect<End> =>
  Effect.andThen(
    interactive ? Effect.void : input.rest,
    Effect.suspend((): Effect.Effect<End> => {
      if (ending._tag === "Ends") return Effect.succeed(ending.exit)
      if (ending._tag !== "TimesOut") return Effect.never
      return Effect.succeed({ exit: Signals.killedBy("SIGTERM"), usage: undefined, deadline: "deadline" })
    })
  )

/** Standard input by lines, for programs that ask, and what is left of it. */
class Lines {
  readonly io: Io
  readonly #decoder = new TextDecoder()
  #text = ""
  #ended = false

  constructor(io: Io) {
    this.io = io
  }

  /** The next line without its end, or what is left at end of file. */
  readonly line: Effect.Effect<string> = Effect.suspend(() => {
    const end = this.#text.indexOf("\n")
    if (end === -1 && !this.#ended) return Effect.andThen(this.#more, this.line)
    const line = end === -1 ? this.#text : this.#text.slice(0, end)
    this.#text = end === -1 ? "" : this.#text.slice(end + 1)
    return Effect.succeed(line.endsWith("\r") ? line.slice(0, -1) : line)
  })

  /** Reads to the end, so that a source that fails is noticed and one that is recorded is complete. */
  readonly rest: Effect.Effect<void> = Effect.suspend(() =>
    this.#ended ? Effect.void : Effect.andThen(this.#more, this.rest)
  )

  /** Everything that is left. */
  readonly all: Effect.Effect<string> = Effect.suspend(() =>
    Effect.map(this.rest, () => {
      const text = this.#text
      this.#text = ""
      return text
    })
  )

  readonly #more: Effect.Effect<void> = Effect.suspend(() =>
    Effect.map(this.io.read, (bytes) => {
      this.#ended = bytes === undefined
      this.#text += bytes === undefined ? this.#decoder.decode() : this.#decoder.decode(bytes, { stream: true })
    })
  )
}
