/**
 * One host, as backends see it: whom they ask for starts, and who tells them that it is lost.
 *
 * It decides nothing: which program, which container, when to signal and what to do after a loss is the business of the
 * backends.
 */
import * as Effect from "effect/Effect"
import type * as ProcessError from "processkit/ProcessError"
import type { Answer, HostChild, NotEncodable, StartFailed } from "./hostAnswers.ts"
import { Conversation } from "./hostConversation.ts"
import type { HostProcess, Receiver } from "./hostProcess.ts"
import type { Mode, Spawn } from "./hostProtocol.ts"
import * as Requests from "./hostRequests.ts"
import * as Watchdog from "./hostWatchdog.ts"

export interface HostConnection {
  readonly pid: number
  /** The binary that this host runs, also where its file is gone or was replaced: for the launcher role. */
  readonly executable: string
  readonly mode: Mode
  readonly isLost: () => boolean
  /** Calls back once; at once where the host is lost already. */
  readonly onLost: (observer: (error: ProcessError.ProcessError) => void) => void
  readonly spawn: (request: Spawn) => Effect.Effect<HostChild, StartFailed | NotEncodable | ProcessError.ProcessError>
  readonly guard: (directory: string) => Effect.Effect<Answer, ProcessError.ProcessError>
  readonly unguard: (directory: string) => Effect.Effect<Answer, ProcessError.ProcessError>
  readonly ping: Effect.Effect<void, ProcessError.ProcessError>
  /** A number for a pipe between two children; `unlink` drops an end that nobody took. */
  readonly newLink: () => number
  readonly unlink: (link: number) => Effect.Effect<Answer, ProcessError.ProcessError>
  readonly close: () => void
}

/**
 * Makes the connection over a host that has said welcome, and the receiver of what the host says from then on. `onIdle` is
 * called whenever the last child, request and stream are done with.
 */
export const make = (
  mode: Mode,
  patience: Watchdog.Patience = Watchdog.patience,
  onIdle: () => void = () => {}
): { readonly receiver: Receiver; readonly open: (process: HostProcess) => HostConnection } => {
  const conversation = new Conversation(mode, patience, onIdle)
  const receiver: Receiver = {
    event: (event) => conversation.event(event),
    handle: (id, stream, handle) => conversation.handle(id, stream, handle),
    handleLost: (id, stream) => conversation.handleLost(id, stream),
    lost: (detail) => conversation.lose(detail)
  }
  const open = (process: HostProcess): HostConnection => {
    conversation.attach(process)
    const request = (make: (token: number) => Uint8Array) => conversation.request(make)
    return {
      pid: process.pid,
      executable: `/proc/${process.pid}/exe`,
      mode,
      isLost: () => conversation.error !== undefined,
      onLost: conversation.lost.observe,
      spawn: (spawn) => conversation.spawn(spawn),
      guard: (directory) => request((token) => Requests.guard(token, directory)),
      unguard: (directory) => request((token) => Requests.unguard(token, directory)),
      ping: Effect.asVoid(request(Requests.ping)),
      newLink: () => conversation.next(),
      unlink: (link) => request((token) => Requests.unlink(token, link)),
      close: () => process.close()
    }
  }
  return { receiver, open }
}
