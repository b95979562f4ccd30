/**
 * Looks for a text in the output of a program, from the callbacks that bring the output.
 *
 * Whoever looks reads along: what is kept for others stays, but for the lines up to one that fits. A line that fits is
 * found in the tick in which it comes, so nothing that is printed and gone in a moment is missed.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as ProcessError from "../ProcessError.ts"
import type { Batch, Follower } from "./follower.ts"
import { ownText } from "./ownText.ts"
import type { Pump } from "./pump.ts"
import type { TextCondition } from "./readinessRules.ts"
import type { Tail } from "./tail.ts"

/** The output of a program. */
export interface Streams {
  readonly program: string
  readonly stdout: Pump | undefined
  readonly stderr: Pump | undefined
}

export interface Watch {
  /** The text that fits, or nothing where the output has ended without one. */
  readonly text: Effect.Effect<Option.Option<string>, ProcessError.ProcessError>
  /** What was found so far. */
  readonly last: () => string
}

export const watch = (streams: Streams, condition: TextCondition): Watch => {
  const { program } = streams
  const { stream } = condition
  const name = stream === "stdout" ? "standard output" : "standard error"
  const pump = streams[stream]
  let lines = 0
  const look = condition._tag === "Line"
    ? (pump: Pump) => new LineLook(pump, condition, (seen) => lines += seen)
    : (pump: Pump) => new TailLook(pump, condition)
  return {
    text: Effect.suspend(() =>
      pump === undefined
        ? Effect.fail(ProcessError.make(
          new ProcessError.InvalidInput({ program, field: stream, problem: "is not a pipe and cannot be read" })
        ))
        : pump.retention.released
        ? Effect.fail(ProcessError.make(new ProcessError.AlreadyConsumed({ program, stream })))
        : following(pump, look)
    ),
    last: () => condition._tag === "Output" ? `${name} does not end in such a text` : noneOf(lines, name)
  }
}

const noneOf = (lines: number, name: string): string => {
  if (lines === 0) return `${name} has no line yet`
  return lines === 1 ? `the only line on ${name} does not fit` : `none of ${lines} lines on ${name} fits`
}

/** One way to look: answers with the text that fits. */
interface Look {
  readonly now: () => string | undefined
  readonly chunk: (bytes: Uint8Array) => string | undefined
  readonly end: (clean: boolean) => string | undefined
}

const following = (pump: Pump, begin: (pump: Pump) => Look): Effect.Effect<Option.Option<string>> =>
  Effect.callback((resume) => {
    // Begun here and not before: the fiber may have yielded since, and what came then was shown to nobody.
    const look = begin(pump)
    let isOver = false
    let unwatch: (() => void) | undefined
    const stop = () => {
      isOver = true
      unwatch?.()
    }
    const settle = (found: () => string | undefined, atEnd: boolean): void => {
      // A chunk may hold what two waits look for: the first to be over may have interrupted the second.
      if (isOver) return
      const answer = Result.try(found)
      if (Result.isSuccess(answer) && answer.success === undefined && !atEnd) return
      // First, since whoever waits goes on within the call that resumes it.
      stop()
      resume(
        Result.isFailure(answer) ? Effect.die(answer.failure) : Effect.succeed(Option.fromUndefinedOr(answer.success))
      )
    }
    settle(() => look.now(), false)
    if (pump.ended) settle(() => look.end(pump.errno === undefined), true)
    if (isOver) return
    unwatch = pump.watch({
      chunk: (bytes) => settle(() => look.chunk(bytes), false),
      end: (errno) => settle(() => look.end(errno === undefined), true)
    })
    return Effect.sync(stop)
  })

class LineLook implements Look {
  readonly #pump: Pump
  readonly #fits: (line: string) => boolean
  readonly #onLines: (count: number) => void
  readonly #follower: Follower

  constructor(pump: Pump, { fits }: TextCondition, onLines: (count: number) => void) {
    this.#pump = pump
    this.#fits = fits
    this.#onLines = onLines
    this.#follower = pump.retention.follow()
  }

  now(): string | undefined {
    for (const batch of this.#follower.kept()) {
      const line = this.#find(batch)
      if (line !== undefined) return line
    }
    return undefined
  }

  chunk(bytes: Uint8Array): string | undefined {
    return this.#find(this.#follower.push(bytes))
  }

  end(clean: boolean): string | undefined {
    return this.#find(this.#follower.end(clean))
  }

  #find({ lines, markAfter }: Batch): string | undefined {
    this.#onLines(lines.length)
    const index = lines.findIndex((line) => this.#fits(line))
    if (index === -1) return undefined
    this.#pump.retention.forget(markAfter(index))
    return ownText(lines[index] as string)
  }
}

class TailLook implements Look {
  readonly #fits: (text: string) => boolean
  readonly #tail: Tail
  /** How much of the unfinished line is to be left out. */
  #skip: number

  constructor(pump: Pump, { fits, fresh }: TextCondition) {
    this.#fits = fits
    this.#tail = pump.retention.tail()
    this.#skip = fresh ? this.#tail.length : 0
  }

  now(): string | undefined {
    return this.#find()
  }

  chunk(bytes: Uint8Array): string | undefined {
    if (this.#tail.push(bytes)) this.#skip = 0
    return this.#find()
  }

  end(): string | undefined {
    return undefined
  }

  #find(): string | undefined {
    const { length, text: tail } = this.#tail
    const text = tail.slice(Math.max(0, this.#skip - (length - tail.length)))
    return text !== "" && this.#fits(text) ? text : undefined
  }
}
