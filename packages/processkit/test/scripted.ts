/** What scripted tests of the engine share: a runner that can be asked what is left, and short ways to say things. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Outcome from "processkit/Outcome"
import type * as ProcessError from "processkit/ProcessError"
import * as ProcessRunner from "processkit/ProcessRunner"
import type * as ScriptedBackend from "../src/internal/scriptedBackend.ts"
import type { Program } from "../src/internal/scriptedProcess.ts"
import { backend } from "./scriptedPrograms.ts"

/** The scripted backend below the runner of a test. */
export class Backend extends Context.Service<Backend, ScriptedBackend.ScriptedBackend>()("test/Backend") {}

/** A runner of scripted programs, those of the contract and some more, and the backend below it. */
export const scripted = (
  more: Record<string, Program> = {}
): Layer.Layer<ProcessRunner.ProcessRunner | Backend> =>
  Layer.effectContext(Effect.sync(() => {
    const below = backend(more)
    return Context.make(Backend, below).pipe(
      Context.add(ProcessRunner.ProcessRunner, ProcessRunner.fromBackend(below.service))
    )
  }))

/** The ids of scripted processes that are alive. */
export const alive = Effect.map(Backend, (below) => below.alive())

/** Why an effect failed. */
export const reasonOf = <A, R>(effect: Effect.Effect<A, ProcessError.ProcessError, R>) =>
  Effect.map(Effect.flip(effect), (error) => error.reason)

/** The tag of the reason why an effect failed. */
export const tagOf = <A, R>(effect: Effect.Effect<A, ProcessError.ProcessError, R>) =>
  Effect.map(reasonOf(effect), (reason) => reason._tag)

/** A program that prints and exits. */
export const prints = (stdout: string, code = 0, stderr = ""): Program => ({
  main: (io) =>
    io.write("stdout", stdout).pipe(
      Effect.andThen(io.write("stderr", stderr)),
      Effect.as(Outcome.exited(code))
    )
})

/** Gives every fiber that can go on the chance to, a number of times, without moving the clock. */
export const settle = (turns = 20): Effect.Effect<void> =>
  turns === 0 ? Effect.void : Effect.andThen(Effect.yieldNow, settle(turns - 1))

interface CountedAbort {
  readonly signal: AbortSignal
  readonly abort: () => void
  readonly listeners: () => number
}

/** An abort signal that counts who listens to it. */
export const countedAbort = (): CountedAbort => {
  const controller = new AbortController()
  const { signal } = controller
  const listeners = new Set<unknown>()
  const add = signal.addEventListener.bind(signal)
  const remove = signal.removeEventListener.bind(signal)
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listeners.add(args[1])
    add(...args)
  }
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listeners.delete(args[1])
    remove(...args)
  }
  return { signal, abort: () => controller.abort(), listeners: () => listeners.size }
}
