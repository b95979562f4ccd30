/** The arithmetic of backoff: pure, in milliseconds, and never anything but a finite number that can be waited for. */

/** A backoff whose every amount has been checked: `base`, `max` finite, `factor` at least 1, `healthyAfter` maybe not. */
export interface Config {
  readonly base: number
  readonly factor: number
  readonly max: number
  readonly jitter: boolean
  readonly healthyAfter: number
}

/** What a life tells the backoff. */
export interface Life {
  readonly begun: boolean
  readonly uptime: number
}

/** Jitter multiplies a wait by a number from here up to, but not including, one more. */
const leastShare = 0.5

/** The factor that a growth by anything but a number from 1 up would be. */
export const growth = (factor: number): number => Number.isFinite(factor) && factor > 1 ? factor : 1

/**
 * The delay of a level before jitter: `base * factor ** level`, but at most `max`.
 *
 * Compared as logarithms, so that no level overflows on its way to the cap, and no zero meets an infinity.
 */
export const rawDelay = ({ base, factor, max }: Config, level: number): number => {
  if (base === 0) return 0
  const capped = Math.log(base) + level * Math.log(factor) >= Math.log(max)
  return capped ? max : Math.min(base * factor ** level, max)
}

/** Spreads a wait around its length; `draw` is a random number from 0 up to 1. */
export const spread = (wait: number, jitter: boolean, draw: number): number =>
  jitter ? wait * (leastShare + draw) : wait

/**
 * The level that a life finds: 0 after a healthy one, whatever its end. One that never began was not healthy, also where
 * nothing is asked of health.
 */
export const levelAfter = (config: Config, level: number, life: Life): number =>
  life.begun && life.uptime >= config.healthyAfter ? 0 : level

/** The level after one more delay. Saturates: a counter of restarts that never stops counting stays exact. */
export const nextLevel = (level: number): number => Math.min(level + 1, Number.MAX_SAFE_INTEGER)
