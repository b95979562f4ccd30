/**
 * Prints what was measured as a Markdown table.
 */

export interface Column<A> {
  readonly heading: string
  readonly cell: (row: A, index: number) => string
}

/** Three digits that mean something, whatever the size. */
export const digits = (value: number): string =>
  Number.isFinite(value) ? value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2) : "–"

export const markdown = <A>(rows: ReadonlyArray<A>, columns: ReadonlyArray<Column<A>>): string => {
  const lines = [
    columns.map(({ heading }) => heading),
    columns.map((_, i) => i === 0 ? "---" : "--:"),
    ...rows.map((row, i) => columns.map(({ cell }) => cell(row, i)))
  ]
  const widths = columns.map((_, i) => Math.max(...lines.map((line) => line[i]?.length ?? 0)))
  const pad = (text: string, i: number): string => {
    const width = widths[i] ?? 0
    if (text === "---") return "-".repeat(width)
    if (text === "--:") return `${"-".repeat(width - 1)}:`
    return i === 0 ? text.padEnd(width) : text.padStart(width)
  }
  return lines.map((line) => `| ${line.map(pad).join(" | ")} |`).join("\n")
}
