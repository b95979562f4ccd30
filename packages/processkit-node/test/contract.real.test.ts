import { describe, it } from "@effect/vitest"
import * as fs from "node:fs"
import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
import { BackendSuite } from "processkit/testing"
import { bareAttributes, hostedAttributes } from "./attributeCapabilities.ts"
import { programs } from "./contractPrograms.ts"
import { mechanisms } from "./hostedWorld.ts"
import { hasProc } from "./oracle.ts"

const capabilities = {
  signals: true,
  descendants: true,
  stop: true,
  environment: true,
  workingDirectory: true,
  arguments: true,
  nativeTime: true,
  detached: true
} as const

const hasMkfifo = ["/usr/bin/mkfifo", "/bin/mkfifo"].some((file) => fs.existsSync(file))

// The table of `ps` is what macOS has; using it here too lets Linux cover that path.
const tables = hasProc ? ["proc", "ps"] as const : ["ps"] as const

for (const table of tables) {
  BackendSuite.suite({ describe, it }, {
    name: `process-group over ${table}`,
    layer: NodeProcessRunner.layerProcessGroupBackend({ table }),
    capabilities: { ...capabilities, ...bareAttributes, links: hasMkfifo || "this system has no mkfifo" },
    programs
  })
}

const hosted = { "cgroup-v2": NodeProcessRunner.layerCgroupBackend, subreaper: NodeProcessRunner.layerSubreaperBackend }

for (const { name } of mechanisms) {
  BackendSuite.suite({ describe, it }, {
    name,
    layer: hosted[name],
    capabilities: { ...capabilities, ...hostedAttributes, links: true },
    programs
  })
}
