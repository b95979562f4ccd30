/**
 * The failure of an expectation about what was run.
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as TextDiff from "effect/TextDiff"

/**
 * What was run is not what a test expected; the message shows both, line by line.
 *
 * **Details**
 *
 * Lines begin with `-` for a call that was expected and did not come, with `+` for one that came and was not expected,
 * and with two blanks for one that is as expected. Secrets are shown as `<redacted>`.
 *
 * @stability experimental
 * @category errors
 * @since 0.1.0
 */
export class CallsDiffer extends Data.TaggedError("CallsDiffer")<{
  readonly expected: ReadonlyArray<string>
  readonly actual: ReadonlyArray<string>
  readonly difference: string
}> {
  /** The failure for two lists of command lines that are not the same. */
  static of(expected: ReadonlyArray<string>, actual: ReadonlyArray<string>): CallsDiffer {
    return new CallsDiffer({ expected, actual, difference: shown(TextDiff.diff(expected, actual)) })
  }

  override get message(): string {
    return `the calls are not the expected ones\n${this.difference}`
  }
}

const marks = { Equal: "  ", Delete: "- ", Insert: "+ " } as const

const shown = (edits: ReadonlyArray<TextDiff.Edit<string>>): string =>
  edits.flatMap(({ _tag, items }) => items.map((line) => `${marks[_tag]}${line}`)).join("\n")
