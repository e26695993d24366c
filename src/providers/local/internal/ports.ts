/**
 * Loopback ports: finding free ones, and seeing whether something listens.
 */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as net from "node:net"

export const host = "127.0.0.1"

/** A connection to our own machine that takes longer counts as not accepted. */
const connectMillis = 1000

/** Binds a port for a moment: the number it got (`0` asks for any), or null when it is taken. */
export const probe = (port: number): Effect.Effect<number | null> =>
  Effect.callback<number | null>((resume) => {
    const server = net.createServer()
    server.once("error", () => resume(Effect.succeed(null)))
    server.listen({ host, port, exclusive: true }, () => {
      const address = server.address()
      server.close(() => resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : null)))
    })
    return Effect.sync(() => server.close())
  })

/**
 * Where ports are looked for first: below what Linux and macOS give to outgoing connections, so that none of those takes a
 * port of a compute that is stopped or has not begun to listen.
 */
const [lowest, highest] = [20_000, 32_767]

/** A free port that is none of those taken; null when a thousand tries found none. */
export const findFree = (taken: ReadonlySet<number>): Effect.Effect<number | null> =>
  Effect.gen(function*() {
    for (let tries = 0; tries < 1000; tries++) {
      const port = yield* probe(tries < 500 ? yield* Random.nextIntBetween(lowest, highest + 1) : 0)
      if (port !== null && !taken.has(port)) return port
    }
    return null
  })

/** Whether a connection to the port is accepted. */
export const accepts = (port: number): Effect.Effect<boolean> =>
  Effect.callback<boolean>((resume) => {
    const socket = net.connect({ host, port })
    const done = (answer: boolean) => {
      socket.destroy()
      resume(Effect.succeed(answer))
    }
    socket.setTimeout(connectMillis, () => done(false))
    // where nothing listens, a socket that was given this very port as its own connects to itself
    socket.once("connect", () => done(socket.localPort !== port))
    socket.once("error", () => done(false))
    return Effect.sync(() => socket.destroy())
  })
