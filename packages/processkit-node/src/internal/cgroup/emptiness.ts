/**
 * Waits until the kernel says that nobody is in a cgroup directory, and until every exit from it was reported.
 *
 * The kernel notifies watchers of `cgroup.events` when `populated` changes (kernel document "Control Group v2",
 * "Populated Notification"). The file is read once after the watch was set, since the change may have come before it.
 * Where no watch can be had (inotify instances are few), the file is read again and again, at growing intervals.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as fs from "node:fs"
import type { HostChild } from "../host/hostAnswers.ts"
import * as Files from "./files.ts"
import * as Strays from "./strays.ts"

const firstDelay = 1
const lastDelay = 50
/** With a watch the file is still read now and then: an overflowing queue drops notifications (inotify(7)). */
const watchedDelay = 100
const maxTimeout = 2 ** 31 - 1
/** How long the report of an exit may take after the time is over, where nobody is left. */
const reportBudget = 1000

/**
 * The reports of exits from a directory. A report is also a reason to read the file again: where the directory is
 * removed right after it, the kernel's own notification is lost with it.
 */
export interface Reports {
  /** The children whose exits have not been reported yet. */
  readonly due: () => ReadonlySet<HostChild>
  /** Called after each report, when everybody who waits for it was told. */
  readonly observers: Set<() => void>
}

const none: Reports = { due: () => new Set(), observers: new Set() }

/** How a directory is waited for. */
export interface Options {
  readonly reports?: Reports
  /** Done now and then while somebody is there, and not at the first look. */
  readonly insist?: () => void
}

class Wait {
  readonly #directory: string
  readonly #deadline: number
  readonly #reports: Reports
  readonly #insist: () => void
  #insistAt = performance.now() + watchedDelay
  readonly #done: (survivors: ReadonlyArray<number>) => void
  #watcher: fs.FSWatcher | undefined
  #timer: NodeJS.Timeout | undefined
  #delay = firstDelay
  #ended = false

  constructor(
    directory: string,
    within: number,
    { insist = () => {}, reports = none }: Options,
    done: (survivors: ReadonlyArray<number>) => void
  ) {
    this.#directory = directory
    this.#reports = reports
    this.#insist = insist
    this.#deadline = performance.now() + within
    this.#done = done
  }

  begin(): void {
    if (this.#isOver()) return this.#end([])
    this.#reports.observers.add(this.#check)
    this.#watch()
    this.#check()
  }

  readonly cancel = (): void => {
    this.#ended = true
    this.#reports.observers.delete(this.#check)
    clearTimeout(this.#timer)
    this.#watcher?.close()
  }

  #isOver(): boolean {
    if (this.#reports.due().size > 0) return false
    const events = Files.events(this.#directory)
    // What cannot be read is not taken for empty.
    return Result.isSuccess(events) && !events.success.populated
  }

  #watch(): void {
    try {
      this.#watcher = fs.watch(`${this.#directory}/cgroup.events`, () => this.#check())
      this.#watcher.on("error", () => this.#unwatch())
    } catch {
      // No watch can be had: the timer reads the file.
    }
  }

  #unwatch(): void {
    this.#watcher?.close()
    this.#watcher = undefined
    this.#delay = firstDelay
    this.#check()
  }

  readonly #check = (): void => {
    if (this.#ended) return
    if (this.#isOver()) return this.#end([])
    const now = performance.now()
    const remaining = this.#deadline - now
    if (remaining <= 0) {
      const due = this.#reports.due()
      const left = Result.getOrElse(Strays.members(this.#directory, due), () => [])
      // Who stood still finds the time over before the report that came meanwhile was read.
      if (left.length > 0 || due.size === 0 || remaining <= -reportBudget) return this.#end(left)
    }
    if (now >= this.#insistAt) {
      this.#insistAt = now + watchedDelay
      this.#insist()
    }
    const delay = this.#watcher === undefined ? this.#delay : watchedDelay
    this.#delay = Math.min(this.#delay * 2, lastDelay)
    clearTimeout(this.#timer)
    this.#timer = setTimeout(this.#check, Math.min(remaining > 0 ? remaining : delay, delay, maxTimeout))
  }

  #end(survivors: ReadonlyArray<number>): void {
    this.cancel()
    this.#done(survivors)
  }
}

/** Answers as soon as nobody is left, or with those who are when the time is over. */
export const awaitEmpty = (
  directory: string,
  within: Duration.Duration,
  options: Options = {}
): Effect.Effect<ReadonlyArray<number>> =>
  Effect.callback((resume) => {
    const done = (survivors: ReadonlyArray<number>): void => resume(Effect.succeed(survivors))
    const wait = new Wait(directory, Duration.toMillis(within), options, done)
    wait.begin()
    return Effect.sync(wait.cancel)
  })
