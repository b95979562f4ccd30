/**
 * The host as a process: starts it, carries bytes to it, and brings events, handles and the news of its death.
 */
import type { ChildProcess } from "node:child_process"
import { spawn } from "node:child_process"
import * as net from "node:net"
import * as Reserve from "../descriptorReserve.ts"
import { errnoOf } from "../errno.ts"
import * as LiveTrees from "../liveTrees.ts"
import { decoder } from "./hostEvents.ts"
import type { Handle } from "./hostPipe.ts"
import { isHandle } from "./hostPipe.ts"
import type { HostEvent, Role } from "./hostProtocol.ts"

/** What the host is called in its arguments, for people who look at a list of processes. */
export const title = "processkit-host"

export interface Receiver {
  readonly event: (event: HostEvent) => void
  /** The end of a pipe: of which start, and which stream. */
  readonly handle: (id: number, stream: number, handle: Handle) => void
  /** An end of a pipe for which there was no descriptor here, and which is gone. */
  readonly handleLost: (id: number, stream: number) => void
  /** Comes once, and nothing comes after it. */
  readonly lost: (detail: string) => void
}

export interface HostProcess {
  readonly pid: number
  readonly send: (bytes: Uint8Array) => void
  /** Whether the host keeps the event loop alive. */
  readonly hold: (held: boolean) => void
  /** Ends the conversation: the host kills everything that it started, and ends. */
  readonly close: (why?: string) => void
  /** Continues it where it was stopped. */
  readonly nudge: () => void
  /** Kills one that cannot be talked to: it has not said welcome, or stands still for good. */
  readonly abandon: (why: string) => void
}

/**
 * Nothing of ours is in the environment of the host: its children get theirs with each request. In the terminal role it
 * needs our session, because only who belongs to a session may change the foreground group of its terminal.
 */
const launch = (file: string, role: Role): ChildProcess =>
  spawn(
    file,
    [role],
    Object.assign(Object.create(null), {
      argv0: title,
      cwd: "/",
      detached: role === "host",
      env: Object.create(null),
      serialization: "json",
      shell: false,
      stdio: ["inherit", "inherit", "inherit", "ipc", "pipe"]
    })
  )

const readHandle = (message: unknown, handle: unknown, receiver: Receiver): boolean => {
  if (!Array.isArray(message)) return false
  const [id, stream]: ReadonlyArray<unknown> = message
  if (typeof id !== "number" || typeof stream !== "number") return false
  if (isHandle(handle)) receiver.handle(id, stream, handle)
  else receiver.handleLost(id, stream)
  return true
}

/**
 * A handle for which this process has no descriptor left is dropped by the kernel (unix(7), MSG_CTRUNC), and Node keeps
 * the message to itself: it asks the sender to try again (`setupChannel`, Node 22 to 26), which ours does not.
 */
const readLostHandle = (message: unknown, handle: unknown, receiver: Receiver): void => {
  const isHandleMessage = typeof message === "object" && message !== null && "cmd" in message && "msg" in message &&
    message.cmd === "NODE_HANDLE"
  if (isHandleMessage && !isHandle(handle)) readHandle(message.msg, undefined, receiver)
}

/** What was asked for in one tick leaves with one write. */
const batched = (socket: net.Socket): (bytes: Uint8Array) => void => {
  let corked = false
  return (bytes) => {
    if (!corked) {
      corked = true
      socket.cork()
      process.nextTick(() => {
        corked = false
        socket.uncork()
      })
    }
    socket.write(bytes)
  }
}

const converse = (child: ChildProcess, socket: net.Socket, pid: number, receiver: Receiver): HostProcess => {
  const events = decoder()
  let lost = false
  LiveTrees.exclude(pid)
  const lose = (detail: string): void => {
    if (lost) return
    lost = true
    socket.destroy() // end of file is what makes a living host end everything
    if (child.connected) child.disconnect()
    child.kill("SIGCONT") // a stopped one would not see the end of the file
    receiver.lost(detail)
  }
  socket.on("data", (chunk: Buffer) => {
    const understood = events.push(chunk, (event) => lost || receiver.event(event))
    if (!understood) lose("it sent something that cannot be understood")
  })
  socket.on("error", (error) => lose(`its socket failed (${errnoOf(error)})`))
  socket.on("close", () => lose("its socket was closed"))
  child.on("message", (message, handle) => {
    if (lost || readHandle(message, handle, receiver)) return
    if (isHandle(handle)) handle.close()
  })
  child.on("internalMessage", (message: unknown, handle: unknown) => {
    if (!lost) readLostHandle(message, handle, receiver)
  })
  child.on("error", (error) => lose(`its channel failed (${errnoOf(error)})`))
  child.on("disconnect", () => lose("its channel was closed"))
  child.on(
    "exit",
    (code, signal) => {
      LiveTrees.include(pid)
      lose(signal === null ? `it ended with code ${code}` : `it was killed by ${signal}`)
    }
  )
  child.unref()
  child.channel?.unref()
  socket.unref()
  return {
    pid,
    send: batched(socket),
    hold: (held) => void (held ? socket.ref() : socket.unref()),
    close: (why = "it was closed") => lose(why),
    nudge: () => void child.kill("SIGCONT"),
    abandon: (why) => {
      child.kill("SIGKILL")
      lose(why)
    }
  }
}

/**
 * Starts a host. Calls `done` once: with the host, or with the errno where the file cannot be executed.
 */
export const start = (
  file: string,
  role: Role,
  receiver: Receiver,
  done: (result: HostProcess | { readonly errno: string }) => void
): void => {
  // Where the last ones are missing Node loses those that it has opened.
  const shortage = Reserve.shortage()
  if (shortage !== undefined) return done({ errno: shortage })
  try {
    const child = launch(file, role)
    // Node makes no streams where it found no descriptors for them (`ChildProcess.prototype.spawn`, EMFILE and ENFILE).
    const stdio: ChildProcess["stdio"] | undefined = child.stdio
    const socket = stdio?.[4]
    if (child.pid !== undefined && socket instanceof net.Socket) {
      done(converse(child, socket, child.pid, receiver))
      return
    }
    socket?.on("error", () => {})
    socket?.destroy()
    child.once("error", (error) => done({ errno: errnoOf(error) }))
  } catch (thrown) {
    done({ errno: errnoOf(thrown) })
  }
}
