/**
 * What a conversation with a host keeps about starts, children and requests that are under way.
 */
import type * as Result from "effect/Result"
import type * as ProcessError from "processkit/ProcessError"
import type { Answer, Exited, HostChild, StartFailed } from "./hostAnswers.ts"
import type { HostPipe, Side } from "./hostPipe.ts"
import type { Outputs } from "./hostRelays.ts"

/** By the number that the descriptor has in the child. */
type Pipes = Array<HostPipe | undefined>

/** A start that is under way, or failed with pipes still on their way to be closed. */
export interface Start {
  readonly pipes: Pipes
  readonly relays: Outputs
  /** Which side of each pipe is ours. */
  readonly sideOf: (stream: number) => Side | undefined
  awaited: number
  pid: number | undefined
  /** How many ends of pipes were lost on their way; a start that lacks one cannot succeed any more. */
  lost: number
  /** Made here, because the exit may be told before the last pipe has arrived. */
  readonly life: Life
  readonly settle: ((result: Result.Result<HostChild, StartFailed | ProcessError.ProcessError>) => void) | undefined
}

/** What is still to be told of a process and its tree. */
export interface Life {
  readonly exit: Latch<Result.Result<Exited, ProcessError.ProcessError>>
  readonly emptied: Latch<void>
  /** Of the requests about it that are not answered yet. */
  readonly tokens: Set<number>
  /** Called for each stop of a child that has the terminal. */
  readonly stopped: Set<(signal: number) => void>
  /** The last stop that came while nobody listened, because the child was still being handed over. */
  unheard: number | undefined
}

export interface Pending {
  readonly pids: Array<number>
  readonly answer: (result: Result.Result<Answer, ProcessError.ProcessError>) => void
}

/** A value that comes once, for observers that may come later. */
export interface Latch<A> {
  readonly set: (value: A) => void
  readonly observe: (observer: (value: A) => void) => void
}

export const latch = <A>(): Latch<A> => {
  let value: { readonly it: A } | undefined
  let observers: Array<(value: A) => void> = []
  return {
    set: (it) => {
      if (value !== undefined) return
      value = { it }
      const waiting = observers
      observers = []
      for (const observer of waiting) observer(it)
    },
    observe: (observer) => {
      if (value === undefined) observers.push(observer)
      else observer(value.it)
    }
  }
}
