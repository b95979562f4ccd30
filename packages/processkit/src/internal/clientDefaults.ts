/** Fills the gaps of a command with the defaults of its client: pure, and does nothing the second time. */
import type * as CliClient from "../CliClient.ts"
import type * as Command from "../Command.ts"
import { isRecord, own } from "./refusal.ts"

/** The options of a command after its client had its say: whatever the command says itself stays. */
export const filled = (options: Command.Options, defaults: CliClient.Defaults): Command.Options => {
  const { env: _, envFrom: __, stop: ___, ...plain } = defaults
  const env = filledEnv(options, defaults)
  const stop = filledStop(options.stop, defaults.stop)
  return {
    ...plain,
    ...given(options),
    ...(env === undefined ? {} : { env }),
    ...(stop === undefined ? {} : { stop })
  }
}

/** What is there and not `undefined`. */
const given = (options: Command.Options): Command.Options =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))

/** The first signal and the grace are two questions: a command may answer one and leave the other. */
const filledStop = (stop: Command.Options["stop"], standard: Command.Options["stop"]): Command.Options["stop"] =>
  isRecord(stop) && isRecord(standard) ? { ...standard, ...given(stop as Command.Options) } : stop ?? standard

/**
 * The variables of a command and, below them, those of its client.
 *
 * A command that starts from nothing wants none of its client's either, and one that inherits certain variables wants
 * those from the owner. What cannot be read as variables stays as it is, and the start refuses it.
 */
const filledEnv = (options: Command.Options, defaults: CliClient.Defaults): Command.Options["env"] => {
  const { env, envClear, inheritEnv } = options
  if (envClear === true || (env !== undefined && !isRecord(env))) return env
  if (defaults.env !== undefined && !isRecord(defaults.env)) return defaults.env
  const mine = new Set([...Object.keys(env ?? {}), ...(Array.isArray(inheritEnv) ? inheritEnv : [])])
  const missing = <A>(variables: Readonly<Record<string, A>> | undefined) =>
    Object.entries(variables ?? {}).filter(([name]) => !mine.has(name))
  const constant = missing(defaults.env)
  const computed = missing(defaults.envFrom).filter(([name]) => own(defaults.env ?? {}, name as never) === undefined)
    .map(([name, value]) => [name, value()] as const)
  const all = [...computed, ...constant, ...Object.entries(env ?? {})]
  return all.length === 0 ? env : Object.assign(Object.create(null), Object.fromEntries(all))
}
