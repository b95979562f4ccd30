/**
 * Notices a host that stands still, has it go on, and gives it up where that does not help.
 *
 * A host can be stopped by a signal or frozen with its cgroup. Then every start would wait for as long as that lasts, and
 * so would whoever waits for an exit. What is counted is not time but looks that found nothing new: between two looks
 * this process has read what had arrived, so its own standstill is never taken for the host's.
 */

/** How often it is looked, in milliseconds, and for how many looks a host may be silent. */
export interface Patience {
  /** While an answer is awaited. */
  readonly answer: number
  /** While nothing is awaited but the exits of children. */
  readonly exit: number
  readonly looks: number
}

/** Long enough for a machine that is too busy: a host that is given up takes along everything that it holds. */
export const patience: Patience = { answer: 1000, exit: 2000, looks: 20 }

/** What is watched. */
export interface Watched {
  /** What the host owes us. */
  readonly awaits: () => "answer" | "exit" | undefined
  /** Asks for an answer that is always due, since a start or an exit may rightly take long. */
  readonly ping: () => void
  /** Continues a host that was stopped. */
  readonly nudge: () => void
  readonly giveUp: (why: string) => void
}

export interface Watchdog {
  /** Something is awaited from now on. */
  readonly watch: () => void
  /** The host has said something. */
  readonly heard: () => void
  /** There is nothing to watch any more. */
  readonly stop: () => void
}

/** Makes a watchdog that sleeps until something is awaited, and never keeps the event loop alive. */
export const make = ({ awaits, giveUp, nudge, ping }: Watched, { answer, exit, looks }: Patience): Watchdog => {
  let timer: NodeJS.Timeout | undefined
  let pace: "answer" | "exit" | undefined
  let hasSpoken = false
  let silent = 0
  let isOver = false
  const schedule = (): void => {
    const due = isOver ? undefined : awaits()
    if (due === undefined || due === pace || pace === "answer") return
    clearTimeout(timer)
    pace = due
    timer = setTimeout(look, due === "answer" ? answer : exit).unref()
  }
  const react = (): void => {
    if (silent === 1) ping()
    else if (silent < looks) nudge()
    else giveUp(`it stood still for ${looks} looks, and could not be continued`)
  }
  const look = (): void => {
    pace = undefined
    silent = hasSpoken || awaits() === undefined ? 0 : silent + 1
    hasSpoken = false
    if (silent > 0) react()
    schedule()
  }
  return {
    watch: schedule,
    heard: () => void (hasSpoken = true),
    stop: () => {
      isOver = true
      clearTimeout(timer)
    }
  }
}
