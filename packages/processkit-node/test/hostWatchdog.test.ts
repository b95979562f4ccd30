import { afterEach, assert, beforeEach, describe, it, vi } from "@effect/vitest"
import * as Watchdog from "../src/internal/host/hostWatchdog.ts"

const patience: Watchdog.Patience = { answer: 10, exit: 50, looks: 5 }

/** A watchdog over a host that does what the test says, and what the watchdog did. */
const watching = () => {
  const world = { awaits: undefined as "answer" | "exit" | undefined, done: [] as Array<string> }
  const dog = Watchdog.make({
    awaits: () => world.awaits,
    ping: () => world.done.push("ping"),
    nudge: () => world.done.push("nudge"),
    giveUp: (why) => {
      world.done.push(why)
      dog.stop()
    }
  }, patience)
  const owe = (what: "answer" | "exit" | undefined): void => {
    world.awaits = what
    dog.watch()
  }
  return { dog, owe, done: world.done }
}

describe("the watchdog of a host", () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it("asks after the first look without news, continues the host then, and gives it up at last", () => {
    const { done, owe } = watching()
    owe("answer")
    vi.advanceTimersByTime(9)
    assert.deepEqual(done, [])
    vi.advanceTimersByTime(1)
    assert.deepEqual(done, ["ping"])
    vi.advanceTimersByTime(30)
    assert.deepEqual(done, ["ping", "nudge", "nudge", "nudge"])
    vi.advanceTimersByTime(10)
    assert.deepEqual(done.slice(4), ["it stood still for 5 looks, and could not be continued"])
    assert.strictEqual(vi.getTimerCount(), 0)
  })

  it("never gives up a host that answers, however late", () => {
    const { dog, done, owe } = watching()
    owe("answer")
    for (let i = 0; i < 100; i++) {
      vi.advanceTimersByTime(30)
      dog.heard()
    }
    assert.isAbove(done.length, 50)
    assert.isTrue(done.every((what) => what === "ping" || what === "nudge"))
  })

  it("asks nothing of a host that has news at every look", () => {
    const { dog, done, owe } = watching()
    owe("answer")
    for (let i = 0; i < 20; i++) {
      dog.heard()
      vi.advanceTimersByTime(10)
    }
    assert.deepEqual(done, [])
  })

  it("sleeps while nothing is awaited, and begins anew then", () => {
    const { done, owe } = watching()
    owe(undefined)
    assert.strictEqual(vi.getTimerCount(), 0)
    owe("answer")
    vi.advanceTimersByTime(30)
    owe(undefined)
    vi.advanceTimersByTime(1000)
    assert.deepEqual(done, ["ping", "nudge", "nudge"])
    assert.strictEqual(vi.getTimerCount(), 0)
    owe("answer")
    vi.advanceTimersByTime(10)
    assert.deepEqual(done.slice(3), ["ping"])
  })

  it("looks seldom where only exits are awaited, and sooner once an answer is", () => {
    const { done, owe } = watching()
    owe("exit")
    vi.advanceTimersByTime(49)
    assert.deepEqual(done, [])
    owe("answer")
    owe("answer")
    vi.advanceTimersByTime(10)
    assert.deepEqual(done, ["ping"])
    assert.strictEqual(vi.getTimerCount(), 1)
  })

  // The owner itself may be stopped, or busy, for longer than the host has patience for.
  it("takes any time in which it could not look for one look", () => {
    const { done, owe } = watching()
    owe("answer")
    vi.setSystemTime(Date.now() + 3_600_000)
    vi.advanceTimersToNextTimer()
    assert.deepEqual(done, ["ping"])
  })
})
