/**
 * A development stack: a database, a migration and two servers in one terminal, as a Procfile runner has them.
 *
 * Each program's lines carry its name in a colour of its own. What depends on something starts when that is ready, and
 * Ctrl-C, or the end of this example, stops all of them, the last started first.
 *
 * Run it with `node --conditions=processkit-source examples/dev-stack.ts`.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { fileURLToPath } from "node:url"
import * as NodeProcessRunner from "processkit-node/NodeProcessRunner"
import * as Command from "processkit/Command"
import * as Readiness from "processkit/Readiness"
import * as RestartPolicy from "processkit/RestartPolicy"
import * as SupervisorGroup from "processkit/SupervisorGroup"
import { freePort } from "./supervised/freePort.ts"

const colours = { database: 36, migration: 33, api: 32, web: 35, group: 90 } as const

type Name = keyof typeof colours

const print = (name: Name, text: string): void => {
  const label = name.padEnd(10)
  console.log(process.stdout.isTTY ? `\u001B[${colours[name]}m${label}|\u001B[0m ${text}` : `${label}| ${text}`)
}

/** A command whose every line is printed behind its name. */
const program = (name: Name, file: string, args: ReadonlyArray<string>): Command.Command => {
  const onLine = (line: string): void => print(name, line)
  return Command.make(file, args, { onStdoutLine: onLine, onStderrLine: onLine, stop: { grace: "1 second" } })
}

const serverFile = fileURLToPath(new URL("supervised/server.mjs", import.meta.url))

const server = (name: Name, port: number) => program(name, process.execPath, [serverFile, `${port}`])

const stack = Effect.scoped(Effect.gen(function*() {
  const [database, api, web] = [yield* freePort, yield* freePort, yield* freePort]
  const session = yield* SupervisorGroup.make({
    database: { command: server("database", database), ready: Readiness.port(database, { host: "127.0.0.1" }) },
    migration: {
      command: program("migration", "/bin/sh", ["-c", "echo 3 tables to make; sleep 0.3; echo done"]),
      restart: RestartPolicy.never,
      dependsOn: ["database"]
    },
    api: {
      command: server("api", api),
      ready: Readiness.line(/listening/),
      dependsOn: { database: "ready", migration: "completed" }
    },
    web: { command: server("web", web), ready: Readiness.http(`http://127.0.0.1:${web}`), dependsOn: ["api"] }
  }, { strategy: "restForOne" })
  const told = Stream.runForEach(
    session.events,
    ({ event, member }) => Effect.sync(() => print("group", `${member ?? ""} ${event._tag}`))
  )
  const teller = yield* Effect.forkChild(told)

  yield* session.ready
  print("group", "everything is up; now the api crashes, and what was started after it goes down with it")
  yield* Effect.ignore(Effect.tryPromise(() => fetch(`http://127.0.0.1:${api}/crash`)))
  yield* Effect.sleep("2 seconds")
  yield* session.ready
  yield* session.stop()
  yield* Fiber.join(teller)
}))

NodeRuntime.runMain(Effect.provide(stack, NodeProcessRunner.layer))
