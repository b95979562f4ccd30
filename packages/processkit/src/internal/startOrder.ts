/** In which order members of a group are started: each after those that it waits for. Pure. */

/** Why there is no such order. */
export type Problem =
  | { readonly _tag: "Cycle"; readonly members: ReadonlyArray<string> }
  | { readonly _tag: "Unknown"; readonly member: string; readonly dependency: string }

/**
 * The names in an order in which nobody comes before those that it waits for, and otherwise as they were given; or why
 * there is none.
 */
export const startOrder = (
  waitsFor: ReadonlyMap<string, ReadonlyArray<string>>
): { readonly order: ReadonlyArray<string> } | { readonly problem: Problem } => {
  for (const [member, dependencies] of waitsFor) {
    const dependency = dependencies.find((name) => !waitsFor.has(name))
    if (dependency !== undefined) return { problem: { _tag: "Unknown", member, dependency } }
  }
  const order: Array<string> = []
  const placed = new Set<string>()
  while (placed.size < waitsFor.size) {
    const next = [...waitsFor.keys()].find((name) =>
      !placed.has(name) && waitsFor.get(name)?.every((dependency) => placed.has(dependency))
    )
    if (next === undefined) return { problem: { _tag: "Cycle", members: circleAmong(waitsFor, placed) } }
    placed.add(next)
    order.push(next)
  }
  return { order }
}

/** One circle among those that could not be placed: whoever waits for somebody unplaced leads into one in the end. */
const circleAmong = (
  waitsFor: ReadonlyMap<string, ReadonlyArray<string>>,
  placed: ReadonlySet<string>
): ReadonlyArray<string> => {
  const trail: Array<string> = []
  let name = [...waitsFor.keys()].find((candidate) => !placed.has(candidate))
  while (name !== undefined && !trail.includes(name)) {
    trail.push(name)
    name = waitsFor.get(name)?.find((dependency) => !placed.has(dependency))
  }
  return name === undefined ? trail : [...trail.slice(trail.indexOf(name)), name]
}
