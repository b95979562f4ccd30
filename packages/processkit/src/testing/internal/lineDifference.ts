/**
 * The difference of two lists of lines, as people read it: what is missing, what is too much, in the order of both.
 *
 * By the longest common subsequence, which takes the product of both lengths; expectations of tests are short.
 */

/** Each line behind `- ` (only expected), `+ ` (only there) or two blanks (both). */
export const difference = (expected: ReadonlyArray<string>, actual: ReadonlyArray<string>): ReadonlyArray<string> => {
  const common = commonLengths(expected, actual)
  const lines: Array<string> = []
  let [i, j] = [0, 0]
  while (i < expected.length || j < actual.length) {
    if (i < expected.length && j < actual.length && expected[i] === actual[j]) {
      lines.push(`  ${expected[i]}`)
      i++
      j++
    } else if (j >= actual.length || (i < expected.length && at(common, i + 1, j) >= at(common, i, j + 1))) {
      lines.push(`- ${expected[i++]}`)
    } else {
      lines.push(`+ ${actual[j++]}`)
    }
  }
  return lines
}

/** At `[i][j]` how many lines the rests from `i` and from `j` have in common, in order. */
const commonLengths = (first: ReadonlyArray<string>, second: ReadonlyArray<string>): Array<Array<number>> => {
  const lengths = Array.from({ length: first.length + 1 }, () => Array.from({ length: second.length + 1 }, () => 0))
  for (let i = first.length - 1; i >= 0; i--) {
    for (let j = second.length - 1; j >= 0; j--) {
      const length = first[i] === second[j]
        ? at(lengths, i + 1, j + 1) + 1
        : Math.max(at(lengths, i + 1, j), at(lengths, i, j + 1))
      lengths[i]?.splice(j, 1, length)
    }
  }
  return lengths
}

const at = (lengths: ReadonlyArray<ReadonlyArray<number>>, i: number, j: number): number => lengths[i]?.[j] ?? 0
