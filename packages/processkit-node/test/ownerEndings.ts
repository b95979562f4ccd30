/** How owners end: what they do, and the exit code or signal that must be kept. */

interface Ending {
  readonly act: () => void
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

const bySignal = (signal: NodeJS.Signals): Ending => ({
  act: () => process.kill(process.pid, signal),
  code: null,
  signal
})

/** Stays until a line comes, and ends in a way then, or does what follows it; or until its test is gone. */
export const endsWhenTold = (way: string, then: () => void = () => {}): void => {
  process.stdin.once("data", () => {
    endings[way]?.act()
    then()
  })
  process.stdin.on("end", () => process.exit(1))
}

export const endings: Readonly<Record<string, Ending>> = {
  exit: { act: () => process.exit(7), code: 7, signal: null },
  throw: {
    act: () => {
      setTimeout(() => {
        throw new Error("uncaught")
      })
    },
    code: 1,
    signal: null
  },
  reject: { act: () => void Promise.reject(new Error("unhandled")), code: 1, signal: null },
  handled: {
    act: () => {
      process.on("SIGTERM", () => process.exit(143))
      process.kill(process.pid, "SIGTERM")
    },
    code: 143,
    signal: null
  },
  abort: { act: () => process.abort(), code: null, signal: "SIGABRT" },
  memory: {
    act: () => {
      const hoard: Array<Array<number>> = []
      for (;;) hoard.push(Array.from({ length: 100_000 }, (_, i) => i))
    },
    code: null,
    signal: "SIGABRT"
  },
  SIGKILL: bySignal("SIGKILL"),
  SIGTERM: bySignal("SIGTERM"),
  SIGINT: bySignal("SIGINT"),
  SIGHUP: bySignal("SIGHUP"),
  SIGQUIT: bySignal("SIGQUIT")
}
