/**
 * Fails when modules import each other in a circle at run time, or against the direction of the layers.
 *
 * A circle means that a module sees another half initialised, and that neither can be understood alone. Type-only
 * imports vanish when compiled, so they are free to point anywhere. The layers below are those of the core: a module
 * may import at run time only from the layers listed for its own.
 */
import * as path from "node:path"
import { finish, isBarrel, moduleName, packages, parse, sources } from "./source.mjs"

const core = "processkit"

const layers = {
  words: [
    "Outcome",
    "Signal",
    "SpawnAttributes",
    "Mechanism",
    "Containment",
    "Limits",
    "Stats",
    "OutputBuffer",
    "ProcessEvent",
    "Stdin",
    "Stdio",
    "StopPolicy"
  ],
  errors: ["ProcessError"],
  values: [
    "ProcessResult",
    "RunningProcess",
    "Readiness",
    "Attempt",
    "SupervisionOutcome",
    "SupervisionStatus",
    "SupervisionEvent"
  ],
  seams: ["ProcessBackend", "ProcessRunner", "ProcessGroup", "Processes"],
  verbs: ["Command", "Pipeline", "Batch"],
  policies: ["RestartPolicy", "Backoff", "StormGuard", "RetryPolicy"],
  keepers: ["Supervisor", "SupervisorGroup", "CliClient", "ChildProcessBridge"]
}

const mayImport = {
  words: [],
  errors: ["words", "internal"],
  values: ["words", "errors", "values", "internal"],
  seams: ["words", "errors", "values", "seams", "internal"],
  verbs: ["words", "errors", "values", "seams", "verbs", "internal"],
  policies: ["words", "errors", "values", "policies", "internal"],
  keepers: ["words", "errors", "values", "seams", "verbs", "policies", "keepers", "internal"],
  internal: ["words", "errors", "values", "seams", "internal"],
  testing: ["words", "errors", "values", "seams", "verbs", "policies", "keepers", "internal", "testing"]
}

const layerOf = (file) => {
  const name = moduleName(file)
  if (name.startsWith("internal/")) return "internal"
  if (name.startsWith("testing/")) return "testing"
  return Object.keys(layers).find((layer) => layers[layer].includes(name))
}

/** The file that a specifier names, when it is one of ours. */
const resolve = (file, specifier) => {
  if (specifier.startsWith(".")) return path.posix.join(path.posix.dirname(file), specifier)
  const [name, ...rest] = specifier.split("/")
  if (!packages.includes(name)) return undefined
  const target = rest.length === 0 ? "index" : rest.join("/") === "testing" ? "testing/index" : rest.join("/")
  return `packages/${name}/src/${target}.ts`
}

const runtimeImports = (file) => {
  const { module, program, text } = parse(file)
  const declared = program.body
    .filter((node) => node.source && (node.importKind ?? node.exportKind) !== "type")
    .map((node) => node.source.value)
  const dynamic = module.dynamicImports
    .map((found) => text.slice(found.moduleRequest.start, found.moduleRequest.end).replaceAll(/["'`]/g, ""))
  return [...declared, ...dynamic].map((specifier) => resolve(file, specifier)).filter((target) => target !== undefined)
}

const files = packages.flatMap((name) => sources(name))
const graph = new Map(files.map((file) => [file, runtimeImports(file)]))

/** Every circle once, as the path that closes it. */
const circles = () => {
  const found = []
  const done = new Set()
  const visit = (file, trail) => {
    const start = trail.indexOf(file)
    if (start >= 0) found.push([...trail.slice(start), file])
    if (start >= 0 || done.has(file)) return
    for (const target of graph.get(file) ?? []) visit(target, [...trail, file])
    done.add(file)
  }
  for (const file of files) visit(file, [])
  return found
}

const againstDirection = () => {
  const found = []
  for (const [file, targets] of graph) {
    if (!file.startsWith(`packages/${core}/src/`) || isBarrel(file)) continue
    const layer = layerOf(file)
    if (layer === undefined) {
      found.push(`${file}: in no layer; add ${moduleName(file)} to the table in scripts/circular.mjs`)
      continue
    }
    for (const target of targets) {
      const name = isBarrel(target) ? "a barrel" : layerOf(target) ?? "no layer"
      if (!mayImport[layer].includes(name)) {
        found.push(
          `${file} (${layer}) imports ${target} (${name}); ${layer} may import: ${
            mayImport[layer].join(", ") || "nothing of ours"
          }`
        )
      }
    }
  }
  return found
}

finish(
  [...circles().map((circle) => `circle: ${circle.join(" -> ")}`), ...againstDirection()],
  `${files.length} modules, no circle, no import against the layers`
)
