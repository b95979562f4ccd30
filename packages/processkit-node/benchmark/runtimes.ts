/**
 * The layers of the two contenders that have one, built before anything is measured.
 */

/** This library's best layer. */
export const processkit = async () => {
  const [ManagedRuntime, { layer }] = await Promise.all([
    import("effect/ManagedRuntime"),
    import("processkit-node/NodeProcessRunner")
  ])
  const runtime = ManagedRuntime.make(layer)
  await runtime.context()
  return runtime
}

/** Effect's process module over its layer for Node. */
export const effect = async () => {
  const [Layer, ManagedRuntime, Spawner, FileSystem, Path] = await Promise.all([
    import("effect/Layer"),
    import("effect/ManagedRuntime"),
    import("@effect/platform-node/NodeChildProcessSpawner"),
    import("@effect/platform-node/NodeFileSystem"),
    import("@effect/platform-node/NodePath")
  ])
  const runtime = ManagedRuntime.make(Layer.provide(Spawner.layer, Layer.merge(FileSystem.layer, Path.layer)))
  await runtime.context()
  return runtime
}
