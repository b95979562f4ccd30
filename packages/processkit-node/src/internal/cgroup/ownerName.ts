/**
 * Names of the directory that holds all groups of one owner, and what such a name says.
 *
 * An owner is a process of a pid namespace: two namespaces can share a cgroup directory, and each would take the
 * other's owners for dead if the name did not tell them apart. The start time tells a process from a later one with the
 * same pid, the random part one copy of this library from another in the same process. A start time is another number in
 * each time namespace (time_namespaces(7)), so that one belongs to the name of the namespace.
 */

/** The namespace of an owner that does not know its own: nobody can tell whether it is alive. */
export const unknown = "0"

/** The start time of somebody who is there and cannot be looked at. */
export const hidden = ""

/** Who made a directory. */
export interface Owner {
  readonly namespace: string
  readonly pid: number
  readonly start: string
}

const pattern = /^processkit-(\d+)-(\d+)-(\d+)-[0-9a-f]{16}$/

/** Makes a name; `random` is 16 hexadecimal digits. */
export const format = (owner: Owner, random: string): string =>
  `processkit-${owner.namespace}-${owner.pid}-${owner.start}-${random}`

/** Reads a name; `undefined` for a directory that is not ours. */
export const parse = (name: string): Owner | undefined => {
  const match = pattern.exec(name)
  return match === null ? undefined : { namespace: match[1] ?? "", pid: Number(match[2]), start: match[3] ?? "" }
}

/**
 * Tells whether the owner of a directory is certainly dead.
 *
 * `startOf` gives the start time of a process of our own pid namespace, `undefined` where there is none, and
 * {@link hidden} for what cannot be known, such as owners of another namespace.
 */
export const isStale = (owner: Owner, namespace: string, startOf: (pid: number) => string | undefined): boolean => {
  if (namespace === unknown || owner.namespace !== namespace) return false
  const start = startOf(owner.pid)
  return start !== hidden && start !== owner.start
}
