/**
 * Waits until the kernel says that nobody is in a cgroup directory.
 *
 * The kernel notifies watchers of `cgroup.events` when `populated` changes (kernel document "Control Group v2",
 * "Populated Notification"). The file is read once after the watch was set, since the change may have come before it.
 * Where no watch can be had (inotify instances are few), the file is read again and again, at growing intervals.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as fs from "node:fs"
import * as Files from "./files.ts"

const firstDelay = 1
const lastDelay = 50
/** With a watch the file is still read now and then: an overflowing queue drops notifications (inotify(7)). */
const watchedDelay = 1000
const maxTimeout = 2 ** 31 - 1

class Wait {
  readonly #directory: string
  readonly #deadline: number
  readonly #done: (survivors: ReadonlyArray<number>) => void
  #watcher: fs.FSWatcher | undefined
  #timer: NodeJS.Timeout | undefined
  #delay = firstDelay
  #ended = false

  constructor(directory: string, within: number, done: (survivors: ReadonlyArray<number>) => void) {
    this.#directory = directory
    this.#deadline = performance.now() + within
    this.#done = done
  }

  begin(): void {
    if (!this.#isPopulated()) return this.#end([])
    this.#watch()
    this.#check()
  }

  readonly cancel = (): void => {
    this.#ended = true
    clearTimeout(this.#timer)
    this.#watcher?.close()
  }

  #isPopulated(): boolean {
    const events = Files.events(this.#directory)
    // What cannot be read is not taken for empty.
    return Result.isFailure(events) || events.success.populated
  }

  #watch(): void {
    try {
      this.#watcher = fs.watch(`${this.#directory}/cgroup.events`, () => this.#check())
      this.#watcher.on("error", () => this.#unwatch())
    } catch {
      this.#unwatch()
    }
  }

  #unwatch(): void {
    this.#watcher?.close()
    this.#watcher = undefined
    this.#delay = firstDelay
  }

  readonly #check = (): void => {
    if (this.#ended) return
    if (!this.#isPopulated()) return this.#end([])
    const remaining = this.#deadline - performance.now()
    if (remaining <= 0) return this.#end(Result.getOrElse(Files.members(this.#directory), () => []))
    const delay = this.#watcher === undefined ? this.#delay : watchedDelay
    this.#delay = Math.min(this.#delay * 2, lastDelay)
    clearTimeout(this.#timer)
    this.#timer = setTimeout(this.#check, Math.min(remaining, delay, maxTimeout))
  }

  #end(survivors: ReadonlyArray<number>): void {
    this.cancel()
    this.#done(survivors)
  }
}

/** Answers as soon as nobody is left, or with those who are when the time is over. */
export const awaitEmpty = (directory: string, within: Duration.Duration): Effect.Effect<ReadonlyArray<number>> =>
  Effect.callback((resume) => {
    const wait = new Wait(directory, Duration.toMillis(within), (survivors) => resume(Effect.succeed(survivors)))
    wait.begin()
    return Effect.sync(wait.cancel)
  })
