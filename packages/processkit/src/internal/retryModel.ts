/** How long to wait before another attempt: pure, in milliseconds. */

/** Options without open questions. */
export interface Config {
  /** Attempts altogether, the first one included. */
  readonly attempts: number
  readonly base: number
  readonly factor: number
  readonly max: number
  readonly jitter: boolean
}

/** Whether an attempt follows the one with this number, counted from 1. */
export const goesOn = ({ attempts }: Config, attempt: number): boolean => attempt < attempts

/**
 * The wait after the attempt with this number, before jitter.
 *
 * The power may overflow to infinity, which the cap takes care of, but zero times infinity would be NaN.
 */
export const delay = ({ base, factor, max }: Config, attempt: number): number =>
  base === 0 ? 0 : Math.min(base * growth(factor) ** (attempt - 1), max)

/** What multiplies nothing: a factor that is not finite or not above 1 keeps the delay as it is. */
const growth = (factor: number): number => Number.isFinite(factor) && factor > 1 ? factor : 1

/** Any time between none and the delay, so that callers who failed together do not come back together. */
export const spread = ({ jitter }: Config, delay: number, draw: number): number => jitter ? delay * draw : delay
