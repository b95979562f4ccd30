/**
 * What Node's permission model takes from this process.
 */

/** Why nothing can be started, where that is so. Source: Node.js documentation, "Permissions", `--allow-child-process`. */
export const refusal = (): string | undefined => {
  const permission: typeof process.permission | undefined = process.permission // there is none without `--permission`
  return permission === undefined || permission.has("child")
    ? undefined
    : "the permission model of Node forbids it: run node with --allow-child-process"
}
