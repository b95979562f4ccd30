/**
 * The reference model of supervision: from exits to the times of starts, by the rules alone and in the plainest words.
 *
 * It shares no code with the library. What the library does is compared with it.
 */

/** How a life ends, and after how many milliseconds. */
export interface Life {
  readonly kind: "clean" | "crash" | "liveness"
  readonly uptime: number
}

export interface Config {
  readonly restart: "always" | "onCrash" | "never"
  readonly maxRestarts: number
  readonly base: number
  readonly factor: number
  readonly max: number
  readonly healthyAfter: number
  readonly storm: { readonly halfLife: number; readonly threshold: number; readonly pause: number } | undefined
}

export interface Run {
  readonly starts: ReadonlyArray<number>
  readonly restarts: number
  readonly stormPauses: number
  readonly livenessKills: number
  readonly reason: string | undefined
}

/** Runs through the lives of a script; without a reason where the script ends first. */
export const run = (config: Config, script: ReadonlyArray<Life>): Run => {
  const starts: Array<number> = []
  let [now, level, score, failedAt, restarts, stormPauses, livenessKills] = [0, 0, 0, 0, 0, 0, 0]
  const over = (reason?: string): Run => ({ starts, restarts, stormPauses, livenessKills, reason })
  for (const life of script) {
    starts.push(now)
    now += life.uptime
    const failed = life.kind !== "clean"
    if (life.kind === "liveness") livenessKills++
    const wanted = config.restart === "always" || (config.restart === "onCrash" && failed)
    if (!wanted) return over(life.kind === "liveness" ? "Unhealthy" : "PolicySatisfied")
    if (restarts === config.maxRestarts) return over("RestartsExhausted")
    if (life.uptime >= config.healthyAfter) level = 0
    if (failed && config.storm !== undefined) {
      score = score * 0.5 ** ((now - failedAt) / config.storm.halfLife) + 1
      failedAt = now
      if (score > config.storm.threshold) {
        now += config.storm.pause
        score = 0
        stormPauses++
      }
    }
    let delay = config.base
    for (let i = 0; i < level && delay < config.max; i++) delay *= config.factor
    now += Math.min(delay, config.max)
    level++
    restarts++
  }
  return over()
}
