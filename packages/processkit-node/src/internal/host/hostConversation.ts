/**
 * What is known of a conversation with a host, and the changes that its events make: requests under way are answered,
 * children are handed over with their pipes, exits are reported, and the loss of the host fails everything at once.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as ProcessError from "processkit/ProcessError"
import { SIGKILL } from "../signalNumber.ts"
import { errnoName } from "./errnoName.ts"
import type { Answer, HostChild, NotEncodable, StartFailed } from "./hostAnswers.ts"
import { UnreadHandles } from "./hostHandles.ts"
import type { Latch, Life, Pending, Start } from "./hostLedger.ts"
import { latch } from "./hostLedger.ts"
import type { Handle } from "./hostPipe.ts"
import * as HostPipes from "./hostPipe.ts"
import type { HostProcess } from "./hostProcess.ts"
import type { HostEvent, Mode, Spawn, Stage, TreeAction } from "./hostProtocol.ts"
import { HostRelays } from "./hostRelays.ts"
import * as Requests from "./hostRequests.ts"
import * as Watchdog from "./hostWatchdog.ts"

const hostLost = (detail: string): ProcessError.ProcessError =>
  ProcessError.make(new ProcessError.HostLost({ program: undefined, detail }))

const gone: Answer = { errno: "ESRCH", count: 0 }

/** It keeps the event loop alive while something is pending or a child lives. Whoever drives it decides what to ask. */
export class Conversation {
  readonly #starts = new Map<number, Start>()
  readonly #living = new Map<number, Life>()
  readonly #pending = new Map<number, Pending>()
  readonly #relays = new HostRelays(
    (id, stream, answered) => this.#ask((token) => Requests.close(token, id, stream), answered),
    () => this.#adjust()
  )
  readonly lost: Latch<ProcessError.ProcessError> = latch()
  readonly #mode: Mode
  readonly #onIdle: () => void
  #process: HostProcess | undefined
  #error: ProcessError.ProcessError | undefined
  #held = false
  #last = 0
  readonly #unread = new UnreadHandles((answered) =>
    this.#ask(Requests.ping, (result) => Result.isSuccess(result) && answered())
  )
  readonly #watchdog: Watchdog.Watchdog

  constructor(mode: Mode, patience: Watchdog.Patience, onIdle: () => void) {
    this.#mode = mode
    this.#onIdle = onIdle
    this.#watchdog = Watchdog.make({
      awaits: () => this.#pending.size + this.#starts.size > 0 ? "answer" : this.#living.size > 0 ? "exit" : undefined,
      ping: () => void Effect.runFork(Effect.ignore(this.request(Requests.ping))),
      nudge: () => this.#process?.nudge(),
      giveUp: (why) => this.#process?.abandon(why)
    }, patience)
  }

  get error(): ProcessError.ProcessError | undefined {
    return this.#error
  }

  attach(process: HostProcess): void {
    this.#process = process
  }

  /** Numbers go round after 2^32; one that is in use is left out. */
  next(): number {
    do this.#last = (this.#last + 1) >>> 0
    while (this.#starts.has(this.#last) || this.#living.has(this.#last) || this.#pending.has(this.#last))
    return this.#last
  }

  #adjust(): void {
    const held = this.#pending.size > 0 || this.#starts.size > 0 || this.#living.size > 0 ||
      this.#relays.size > 0
    if (held) this.#watchdog.watch()
    if (held === this.#held) return
    this.#held = held
    this.#process?.hold(held)
    if (!held) this.#onIdle()
  }

  request(
    make: (token: number) => Uint8Array,
    pids: Array<number> = [],
    child?: number
  ): Effect.Effect<Answer, ProcessError.ProcessError> {
    return Effect.callback((resume) => {
      if (this.#error !== undefined) return resume(Effect.fail(this.#error))
      const living = child === undefined ? undefined : this.#living.get(child)
      if (child !== undefined && living === undefined) return resume(Effect.succeed(gone))
      this.#ask(make, (result) => resume(Effect.fromResult(result)), pids, living?.tokens)
    })
  }

  #ask(
    make: (token: number) => Uint8Array,
    answer: Pending["answer"],
    pids: Array<number> = [],
    unanswered?: Set<number>
  ): void {
    const token = this.next()
    unanswered?.add(token)
    const settle: Pending["answer"] = (result) => {
      unanswered?.delete(token)
      answer(result)
    }
    this.#pending.set(token, { pids, answer: settle })
    this.#adjust()
    this.#process?.send(make(token))
  }

  spawn(request: Spawn): Effect.Effect<HostChild, StartFailed | NotEncodable | ProcessError.ProcessError> {
    return Effect.uninterruptible(Effect.callback((resume) => {
      if (this.#error !== undefined) return resume(Effect.fail(this.#error))
      const id = this.next()
      const bytes = Requests.spawn(id, request)
      if (Result.isFailure(bytes)) return resume(Effect.fail({ _tag: "NotEncodable", ...bytes.failure }))
      const awaited = HostPipes.countIn(request)
      const settle: Start["settle"] = (result) => resume(Effect.fromResult(result))
      const life: Life = { exit: latch(), emptied: latch(), tokens: new Set(), stopped: new Set(), unheard: undefined }
      this.#starts.set(id, {
        pipes: [undefined, undefined, undefined],
        relays: this.#relays.outputs(id, request),
        sideOf: HostPipes.sideIn(request),
        awaited,
        pid: undefined,
        lost: 0,
        life,
        settle
      })
      this.#adjust()
      this.#process?.send(bytes.success)
    }))
  }

  handle(id: number, stream: number, handle: Handle): void {
    this.#unread.came()
    if (this.#relays.change(id, stream, (relay) => relay.take(handle))) return
    const start = this.#starts.get(id)
    const side = start?.sideOf(stream)
    if (start === undefined || side === undefined) return handle.close()
    start.awaited--
    if (start.settle === undefined) handle.close()
    else start.pipes[stream] = HostPipes.make(handle, side)
    this.#conclude(id, start)
  }

  handleLost(id: number, stream: number): void {
    if (this.#relays.change(id, stream, (relay) => relay.take(undefined))) return
    const start = this.#starts.get(id)
    if (start === undefined) return
    start.awaited--
    start.lost++
    this.#conclude(id, start)
  }

  /** The pid comes over one channel and the pipes over the other, in any order. */
  #conclude(id: number, start: Start): void {
    if (start.awaited > 0) return
    if (start.settle === undefined) this.#starts.delete(id)
    else if (start.pid !== undefined) {
      this.#starts.delete(id)
      if (start.lost > 0) this.#undo(id, start, start.settle)
      else start.settle(Result.succeed(this.#child(id, start.pid, start)))
    }
    this.#adjust()
  }

  /** Ends a program that runs without all of its pipes; the start has failed once it is gone. */
  #undo(id: number, { life, pipes, relays }: Start, settle: NonNullable<Start["settle"]>): void {
    for (const pipe of pipes) pipe?.close()
    for (const relay of relays) relay?.close()
    const fail = () => settle(Result.fail({ _tag: "StartFailed", stage: "pipe", errno: "EMFILE" }))
    // It may have ended by itself, and with the host it is gone too.
    if (!this.#living.has(id)) return fail()
    const kill = this.#mode === "direct"
      ? (token: number) => Requests.signal(token, id, SIGKILL)
      : (token: number) => Requests.tree(token, id, "kill", 0)
    Effect.runFork(Effect.ignore(this.request(kill, [], id)))
    life.emptied.observe(fail)
    this.lost.observe(fail)
  }

  #child(id: number, pid: number, { life, pipes, relays }: Start): HostChild {
    const act = (action: TreeAction, number: number, pids?: Array<number>) =>
      this.request((token) => Requests.tree(token, id, action, number), pids, id)
    return {
      id,
      pid,
      pipes,
      relays,
      onExit: (observer) => life.exit.observe(observer),
      onEmptied: (observer) => life.emptied.observe(observer),
      onStopped: (observer) => {
        const { unheard } = life
        life.stopped.add(observer)
        life.unheard = undefined
        if (unheard !== undefined) observer(unheard)
      },
      isHostLost: () => this.#error !== undefined,
      signal: (number) => this.request((token) => Requests.signal(token, id, number), [], id),
      act: (action, number = 0) => act(action, number),
      members: Effect.suspend(() => {
        const pids: Array<number> = []
        return Effect.as(act("list", 0, pids), pids)
      })
    }
  }

  #spawned(id: number, pid: number): void {
    const start = this.#starts.get(id)
    if (start === undefined) return
    start.pid = pid
    this.#living.set(id, start.life)
    this.#conclude(id, start)
  }

  #failed(id: number, stage: Stage, errno: number, handles: number): void {
    const start = this.#starts.get(id)
    if (start === undefined) return
    const arrived = start.pipes.filter((pipe) => pipe !== undefined)
    for (const pipe of arrived) pipe.close()
    this.#relays.drop(id, start.relays)
    // What the host sent before it failed is still to arrive, and to be closed.
    const awaited = handles - arrived.length - start.lost
    this.#starts.delete(id)
    if (awaited > 0) this.#starts.set(id, { ...start, awaited, settle: undefined })
    this.#adjust()
    start.settle?.(Result.fail({ _tag: "StartFailed", stage, errno: errnoName(errno) }))
  }

  #stopped(id: number, signal: number): void {
    const living = this.#living.get(id)
    if (living === undefined) return
    if (living.stopped.size === 0) living.unheard = signal
    for (const observe of living.stopped) observe(signal)
  }

  /** Requests about a tree that is gone are not answered by the host any more. */
  #emptied(id: number): void {
    const living = this.#living.get(id)
    if (living === undefined) return
    this.#living.delete(id)
    for (const token of living.tokens) this.#answer(token, Result.succeed(gone))
    this.#adjust()
    living.emptied.set()
  }

  #answer(token: number, result: Result.Result<Answer, ProcessError.ProcessError>): void {
    const pending = this.#pending.get(token)
    if (pending === undefined) return
    this.#pending.delete(token)
    this.#adjust()
    pending.answer(result)
  }

  event(event: HostEvent): void {
    this.#watchdog.heard()
    switch (event._tag) {
      case "Spawned":
        return this.#spawned(event.id, event.pid)
      case "Failed":
        return this.#failed(event.id, event.stage, event.errno, event.handles)
      case "Exited": {
        this.#living.get(event.id)?.exit.set(Result.succeed(event))
        return this.#mode === "direct" ? this.#emptied(event.id) : undefined
      }
      case "Emptied":
        return this.#emptied(event.id)
      case "Lost":
        return this.#living.get(event.id)?.exit.set(Result.fail(hostLost("the monitor of the process was killed")))
      case "Stopped":
        return this.#stopped(event.id, event.signal)
      case "Members":
        this.#pending.get(event.token)?.pids.push(...event.pids)
        return
      case "Done": {
        const errno = event.errno === 0 ? undefined : errnoName(event.errno)
        return this.#answer(event.token, Result.succeed({ errno, count: event.count }))
      }
      case "Output":
      case "Handed":
        return this.#relays.event(event)
      case "Refused":
        return this.#process?.close(`it refused the conversation (${event.why})`)
    }
  }

  lose(detail: string): void {
    const error = hostLost(detail)
    this.#error = error
    this.#watchdog.stop()
    const starts = [...this.#starts.values()]
    const living = [...this.#living.values()]
    const pending = [...this.#pending.values()]
    this.#starts.clear()
    this.#living.clear()
    this.#pending.clear()
    this.#relays.lose() // first: what has ended asks the host for nothing
    for (const { pipes, relays, settle } of starts) {
      for (const pipe of [...pipes, ...relays]) pipe?.close()
      settle?.(Result.fail(error))
    }
    for (const { answer } of pending) answer(Result.fail(error))
    for (const { exit } of living) exit.set(Result.fail(error))
    this.lost.set(error)
  }
}
