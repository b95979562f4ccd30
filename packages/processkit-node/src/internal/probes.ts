/**
 * Looks, from this machine, whether a port, a socket, a path or an address can be reached.
 *
 * Every look is one attempt, and closes what it opened, whether it ends or is interrupted. The modules that nothing else
 * here needs are loaded by the first look that does: most programs wait for no address.
 */
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import type { IncomingMessage } from "node:http"
import type { RequestOptions } from "node:https"
import * as net from "node:net"
import { urlToHttpOptions } from "node:url"
import type * as ProcessBackend from "processkit/ProcessBackend"
import type { Certificate } from "processkit/Readiness"
import { errnoOf } from "./errno.ts"

export const probes: ProcessBackend.Probes = {
  port: (host, port) => anyAddress(host, (address) => connect({ host: address, port })),
  socket: (path) => connect({ path }),
  path: (path) =>
    Effect.callback((resume) =>
      fs.stat(path, (error) => resume(error === null ? Effect.void : Effect.fail(errnoOf(error))))
    ),
  http: (url, accepts, certificate = "trusted") =>
    anyAddress(
      withoutBrackets(url.hostname),
      (address) =>
        Effect.flatMap(statusOf(url, address, certificate), (status) =>
          accepts(status) ? Effect.void : Effect.fail(`status ${status}`))
    )
}

/** Looks at all addresses of a host at once; the first that can be reached is enough. */
const anyAddress = (
  host: string,
  look: (address: string) => Effect.Effect<void, string>
): Effect.Effect<void, string> =>
  Effect.flatMap(addressesOf(host), (addresses) =>
    // Flipped, the first success ends the looking, and the failures come together.
    Effect.flip(Effect.forEach(
      addresses,
      (address) => Effect.flip(Effect.mapError(look(address), (why) => `${address} ${why}`)),
      { concurrency: "unbounded" }
    )).pipe(Effect.mapError((reasons) => reasons.join(", "))))

/** Names of the loopback interface are not looked up: RFC 6761, 6.3, says what they are, and not every machine's tables do. */
const addressesOf = (host: string): Effect.Effect<ReadonlyArray<string>, string> => {
  if (net.isIP(host) !== 0) return Effect.succeed([host])
  if (/(?:^|\.)localhost\.?$/i.test(host)) return Effect.succeed(["127.0.0.1", "::1"])
  return Effect.flatMap(
    Effect.promise(() => import("node:dns")),
    ({ lookup }) =>
      Effect.callback((resume) =>
        lookup(host, { all: true }, (error, found) =>
          resume(
            error === null
              ? Effect.succeed(found.map(({ address }) => address))
              : Effect.fail(errnoOf(error))
          ))
      )
  )
}

const withoutBrackets = (host: string): string => host.replace(/^\[(.*)\]$/, "$1")

const connect = (options: net.NetConnectOpts): Effect.Effect<void, string> =>
  Effect.callback((resume) => {
    const socket = net.connect(options)
    socket.once("connect", () => {
      // At once: what a fiber does after it was resumed, it may be interrupted before.
      socket.destroy()
      resume(Effect.void)
    })
    socket.on("error", (error) => resume(Effect.fail(errnoOf(error))))
    return Effect.sync(() => socket.destroy())
  })

/**
 * The connection is to an address; the certificate has to be for the name. A name that is an address itself is none to
 * ask for (RFC 6066, 3).
 */
const trusting = (url: URL, certificate: Certificate): RequestOptions => ({
  servername: net.isIP(withoutBrackets(url.hostname)) === 0 ? url.hostname : "",
  rejectUnauthorized: certificate !== "any",
  ...(typeof certificate === "object" ? { ca: certificate.signedBy } : undefined)
})

/** The status of the final answer; the rest of it is not read. */
const statusOf = (url: URL, address: string, certificate: Certificate): Effect.Effect<number, string> =>
  Effect.flatMap(
    Effect.promise(() => url.protocol === "https:" ? import("node:https") : import("node:http")),
    ({ request }) =>
      Effect.callback((resume) => {
        const asking = request({
          ...urlToHttpOptions(url),
          hostname: address,
          headers: { host: url.host, connection: "close" },
          agent: false,
          ...(url.protocol === "https:" ? trusting(url, certificate) : undefined)
        })
        const answered = ({ statusCode = 0 }: IncomingMessage) => {
          asking.destroy()
          resume(Effect.succeed(statusCode))
        }
        asking.once("response", answered)
        asking.once("upgrade", answered)
        asking.on("error", (error) => resume(Effect.fail(errnoOf(error))))
        asking.end()
        return Effect.sync(() => asking.destroy())
      })
  )
