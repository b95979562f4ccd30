/**
 * The test projects: two per package, and the examples, which start no process in their tests.
 *
 * `<package>` holds the pure and the scripted tests, which start no process and run in parallel. `<package>:real`
 * holds the files named `*.real.test.ts`, which start real processes: one worker, one file at a time, after everything
 * else, because they ask the operating system what is left behind and a busy machine blurs the answer.
 *
 * The export condition makes package names resolve to `src`, so tests need no build. Vitest does not look for this
 * file by itself; `npm test` passes it with `--config`.
 */
import { readdirSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { defaultClientConditions, defaultServerConditions } from "vite"
import { defineConfig, type TestProjectInlineConfiguration } from "vitest/config"
import { slowness } from "./packages/processkit-node/test/slowness.ts"

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

const shared = {
  resolve: { conditions: ["processkit-source", ...defaultClientConditions] },
  ssr: { resolve: { conditions: ["processkit-source", ...defaultServerConditions] } }
}

const projects = (name: string, order: number): Array<TestProjectInlineConfiguration> => [
  {
    ...shared,
    root: here(`packages/${name}`),
    test: {
      name,
      include: ["test/**/*.test.ts"],
      exclude: ["test/**/*.real.test.ts"],
      // Nothing here waits; some of it computes, and other processes may want the same cores.
      testTimeout: 60_000 * slowness,
      sequence: { groupOrder: 1 }
    }
  },
  {
    ...shared,
    root: here(`packages/${name}`),
    test: {
      name: `${name}:real`,
      include: ["test/**/*.real.test.ts"],
      setupFiles: [here("packages/processkit-node/test/leakCheck.ts")],
      pool: "forks",
      fileParallelism: false,
      maxWorkers: 1,
      testTimeout: 60_000 * slowness,
      hookTimeout: 60_000 * slowness,
      sequence: { groupOrder: order }
    }
  }
]

export default defineConfig({
  test: {
    passWithNoTests: false,
    projects: [
      ...readdirSync(here("packages")).flatMap((name, index) => projects(name, index + 2)),
      {
        ...shared,
        root: here("examples"),
        test: { name: "examples", include: ["**/*.test.ts"], sequence: { groupOrder: 1 } }
      }
    ]
  }
})
