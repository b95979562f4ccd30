/**
 * What one process uses, as `/proc` tells it: how the files read, and their values in bytes and microseconds. Pure.
 */
import * as ProcTable from "./procTable.ts"

/** Numbers of one process; `undefined` for what could not be read. */
export interface ProcUsage {
  readonly cpuMicros: number | undefined
  readonly residentBytes: number | undefined
  readonly peakResidentBytes: number | undefined
  readonly ioReadBytes: number | undefined
  readonly ioWriteBytes: number | undefined
}

/** `USER_HZ`, in which `/proc` counts time: 100 on every architecture that Node runs on (`asm-generic/param.h`). */
const tickMicros = 10_000

const amount = (text: string | undefined): number | undefined => {
  const value = text === undefined || text === "" ? Number.NaN : Number(text)
  return Number.isSafeInteger(value) && value >= 0 ? value : undefined
}

/**
 * User and system time of a process and of the descendants that it has waited for, from `/proc/<pid>/stat`.
 *
 * Source: proc_pid_stat(5), man-pages 6.7: (14) utime, (15) stime, (16) cutime, (17) cstime.
 */
export const parseCpu = (stat: string): number | undefined => {
  const ticks = ProcTable.fieldsOf(stat).slice(11, 15).map(amount)
  return ticks.length < 4
    ? undefined
    : ticks.reduce<number | undefined>(
      (sum, part) => sum === undefined || part === undefined ? undefined : sum + part * tickMicros,
      0
    )
}

const field = (text: string, pattern: RegExp): number | undefined => amount(pattern.exec(text)?.[1])

const kibibytes = (value: number | undefined): number | undefined => value === undefined ? undefined : value * 1024

/** The resident size of a process and the largest it has had. Source: proc_pid_status(5): VmRSS and VmHWM, in kB. */
export const parseMemory = (status: string): Pick<ProcUsage, "residentBytes" | "peakResidentBytes"> => ({
  residentBytes: kibibytes(field(status, /^VmRSS:\s+(\d+) kB$/m)),
  peakResidentBytes: kibibytes(field(status, /^VmHWM:\s+(\d+) kB$/m))
})

/** What a process had fetched from and sent to storage. Source: proc_pid_io(5): read_bytes and write_bytes. */
export const parseIo = (io: string): Pick<ProcUsage, "ioReadBytes" | "ioWriteBytes"> => ({
  ioReadBytes: field(io, /^read_bytes: (\d+)$/m),
  ioWriteBytes: field(io, /^write_bytes: (\d+)$/m)
})

/** One number of every process added up; not known as soon as it is not known of one. */
const total = (all: ReadonlyArray<ProcUsage>, key: keyof ProcUsage): number | undefined =>
  all.reduce<number | undefined>(
    (sum, { [key]: part }) => sum === undefined || part === undefined ? undefined : sum + part,
    0
  )

/** The usage of several processes together. The peak is a lower bound: what is held now, or what one has held. */
export const summed = (all: ReadonlyArray<ProcUsage>): ProcUsage => {
  const residentBytes = total(all, "residentBytes")
  const peaks = all.flatMap(({ peakResidentBytes }) => peakResidentBytes ?? [])
  return {
    cpuMicros: total(all, "cpuMicros"),
    residentBytes,
    peakResidentBytes: residentBytes === undefined ? undefined : Math.max(residentBytes, ...peaks),
    ioReadBytes: total(all, "ioReadBytes"),
    ioWriteBytes: total(all, "ioWriteBytes")
  }
}
