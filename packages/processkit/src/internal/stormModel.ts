/**
 * The arithmetic of storm guards: pure, in milliseconds of a monotonic clock.
 *
 * A score counts failures and forgets them by half-lives: `score * 2 ** (-elapsed / halfLife) + 1` at each. Failures at
 * equal distances drive it towards `1 / (1 - 2 ** (-distance / halfLife))`, so that a threshold is a rate; see
 * {@link criticalGap}.
 */

/** A guard whose every amount has been checked: durations maybe infinite, `threshold` at least 1. */
export interface Config {
  readonly halfLife: number
  readonly threshold: number
}

/** What is remembered: two numbers, however many failures there were. */
export interface State {
  readonly score: number
  readonly at: number
}

export const calm: State = { score: 0, at: 0 }

/** The state after one more failure, and whether it is one too many; then the score starts again. */
export const afterFailure = (
  { halfLife, threshold }: Config,
  state: State,
  at: number
): { readonly state: State; readonly tripped: boolean } => {
  // A clock that goes back must not make old failures count more than when they happened.
  const elapsed = Math.max(0, at - state.at)
  const left = halfLife === 0 ? 0 : state.score * 2 ** (-elapsed / halfLife)
  const score = left + 1
  return score > threshold ? { state: { score: 0, at }, tripped: true } : { state: { score, at }, tripped: false }
}

/** The distance of regular failures below which a guard trips sooner or later. */
export const criticalGap = ({ halfLife, threshold }: Config): number => -halfLife * Math.log2(1 - 1 / threshold)

/** The failures that a sliding window still holds when one more happens, oldest first. */
export const within = (times: ReadonlyArray<number>, at: number, length: number): ReadonlyArray<number> => [
  ...times.filter((time) => at - time <= length),
  at
]
