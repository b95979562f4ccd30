/**
 * Which rule answers a command line, as a pure table, and which of its answers it gives next.
 */

/** What a rule looks at: how a command line begins, the whole of it, or anything about a start. */
export type Match<Call> =
  | { readonly _tag: "Prefix"; readonly words: ReadonlyArray<string> }
  | { readonly _tag: "Exact"; readonly words: ReadonlyArray<string> }
  | { readonly _tag: "When"; readonly predicate: (call: Call) => boolean }

/** A match and its answers, in order; a fallback is tried after everything else. */
export interface Rule<Call, A> {
  readonly match: Match<Call>
  readonly isFallback: boolean
  readonly answers: readonly [A, ...Array<A>]
}

/** A start, as rules look at it. */
export interface Question<Call> {
  readonly line: ReadonlyArray<string>
  readonly call: Call
}

/** Tells whether a prefix covers a command line, element by element: `git foo` covers `git foo bar`, not `git foobar`. */
export const covers = (prefix: ReadonlyArray<string>, line: ReadonlyArray<string>): boolean =>
  prefix.length <= line.length && prefix.every((element, i) => element === line[i])

/** Tells whether a rule is for a start. */
export const fits = <Call>(match: Match<Call>, { call, line }: Question<Call>): boolean => {
  switch (match._tag) {
    case "Prefix":
      return covers(match.words, line)
    case "Exact":
      return match.words.length === line.length && covers(match.words, line)
    case "When":
      return match.predicate(call)
  }
}

/** Tells whether every start that the second is for is one that the first is for; of a predicate nobody knows. */
const hides = <Call>(first: Match<Call>, second: Match<Call>): boolean => {
  if (first._tag === "When") return false
  if (first._tag === "Prefix" && first.words.length === 0) return true
  if (second._tag === "When") return false
  if (first._tag === "Prefix") return covers(first.words, second.words)
  return second._tag === "Exact" && first.words.length === second.words.length && covers(first.words, second.words)
}

/** The rules in the order in which they are tried. */
const inOrder = <R extends { readonly isFallback: boolean }>(rules: ReadonlyArray<R>): ReadonlyArray<R> => [
  ...rules.filter((rule) => !rule.isFallback),
  ...rules.filter((rule) => rule.isFallback)
]

/** The rules that no command line can reach, each with the earlier rule that covers it; positions count from 1. */
export const unreachable = <Call, A>(
  rules: ReadonlyArray<Rule<Call, A>>
): ReadonlyArray<{ readonly rule: number; readonly by: number }> => {
  const ordered = inOrder(rules)
  const position = (rule: Rule<Call, A>) => rules.indexOf(rule) + 1
  return ordered.flatMap((rule, i) => {
    const by = ordered.slice(0, i).find((earlier) => hides(earlier.match, rule.match))
    return by === undefined ? [] : [{ rule: position(rule), by: position(by) }]
  })
}

/** Rules together with how often each has answered. */
export class RuleBook<Call, A> {
  readonly #entries: ReadonlyArray<{ readonly rule: Rule<Call, A>; given: number }>

  constructor(rules: ReadonlyArray<Rule<Call, A>>) {
    this.#entries = inOrder(rules).map((rule) => ({ rule, given: 0 }))
  }

  /** The answer that is next for a start, without giving it. */
  peek(question: Question<Call>): A | undefined {
    const entry = this.#find(question)
    return entry === undefined ? undefined : answerAt(entry.rule, entry.given)
  }

  /** The answer to a start: one for each, and the last one from then on. */
  take(question: Question<Call>): A | undefined {
    const entry = this.#find(question)
    return entry === undefined ? undefined : answerAt(entry.rule, entry.given++)
  }

  #find(question: Question<Call>) {
    return this.#entries.find(({ rule }) => fits(rule.match, question))
  }
}

const answerAt = <Call, A>({ answers }: Rule<Call, A>, given: number): A =>
  answers[Math.min(given, answers.length - 1)] ?? answers[0]
