/**
 * The means by which a process group keeps hold of its processes.
 *
 * @stability experimental
 * @since 0.1.0
 */

/**
 * The name of a mechanism, from the strongest to the weakest; `scripted` starts no process at all.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export type Mechanism = "cgroup-v2" | "job-object" | "subreaper" | "process-group" | "scripted"
