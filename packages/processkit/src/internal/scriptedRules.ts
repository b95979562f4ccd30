/**
 * Which rule answers a command line, as a pure table, and which of its answers it gives next.
 */

/** A command line prefix and its answers, in order; a fallback is a rule with an empty prefix that is tried last. */
export interface Rule<A> {
  readonly prefix: ReadonlyArray<string>
  readonly isFallback: boolean
  readonly answers: readonly [A, ...Array<A>]
}

/** Tells whether a prefix covers a command line, element by element: `git foo` covers `git foo bar`, not `git foobar`. */
export const covers = (prefix: ReadonlyArray<string>, line: ReadonlyArray<string>): boolean =>
  prefix.length <= line.length && prefix.every((element, i) => element === line[i])

/** The rules in the order in which they are tried. */
export const inOrder = <R extends { readonly isFallback: boolean }>(rules: ReadonlyArray<R>): ReadonlyArray<R> => [
  ...rules.filter((rule) => !rule.isFallback),
  ...rules.filter((rule) => rule.isFallback)
]

/** The rules that no command line can reach, each with the earlier rule that covers it; positions count from 1. */
export const unreachable = <A>(
  rules: ReadonlyArray<Rule<A>>
): ReadonlyArray<{ readonly rule: number; readonly by: number }> => {
  const ordered = inOrder(rules)
  const position = (rule: Rule<A>) => rules.indexOf(rule) + 1
  return ordered.flatMap((rule, i) => {
    const by = ordered.slice(0, i).find((earlier) => covers(earlier.prefix, rule.prefix))
    return by === undefined ? [] : [{ rule: position(rule), by: position(by) }]
  })
}

/** Rules together with how often each has answered. */
export class RuleBook<A> {
  readonly #entries: ReadonlyArray<{ readonly rule: Rule<A>; given: number }>

  constructor(rules: ReadonlyArray<Rule<A>>) {
    this.#entries = inOrder(rules).map((rule) => ({ rule, given: 0 }))
  }

  /** The answer that is next for a command line, without giving it. */
  peek(line: ReadonlyArray<string>): A | undefined {
    const entry = this.#find(line)
    return entry === undefined ? undefined : answerAt(entry.rule, entry.given)
  }

  /** The answer to a command line: one for each call, and the last one from then on. */
  take(line: ReadonlyArray<string>): A | undefined {
    const entry = this.#find(line)
    return entry === undefined ? undefined : answerAt(entry.rule, entry.given++)
  }

  #find(line: ReadonlyArray<string>) {
    return this.#entries.find(({ rule }) => covers(rule.prefix, line))
  }
}

const answerAt = <A>({ answers }: Rule<A>, given: number): A =>
  answers[Math.min(given, answers.length - 1)] ?? answers[0]
