/**
 * How `atlas dev` serves a fake cloud: on loopback, with the faults that were named, until a signal.
 */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpServer from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import { createServer } from "node:http"
import { invalid } from "../../domain/AtlasError.ts"
import { misused } from "../Flags.ts"
import { Shell } from "../Shell.ts"

const host = "127.0.0.1"

/** Something that is done to a fake while it is served; it may go on until the end. */
export type Order<Controls> = (controls: Controls) => Effect.Effect<void>

/** What tells one fake from another. */
export interface Fake<Id, Controls> {
  /** The command, as users type it after `atlas`. */
  readonly command: string
  readonly controls: Context.Key<Id, Controls>
  /** The cloud in memory, without a server. */
  readonly layer: Layer.Layer<Id>
  /** Its routes. */
  readonly routes: Layer.Layer<never, never, Id | HttpServer.HttpServer>
  /** What happens in it in any case. */
  readonly life: ReadonlyArray<Order<Controls>>
  /** What can be made to go wrong, by the name that users type. */
  readonly faults: Readonly<Record<string, Order<Controls>>>
  /** The line that is printed once it is served. */
  readonly ready: (url: string) => Readonly<Record<string, string>>
}

const layerOf = <Id, Controls>({ layer, routes }: Fake<Id, Controls>, port: number) =>
  routes.pipe(
    // connections that are kept open do not delay the end once a signal has come
    Layer.provideMerge(NodeHttpServer.layer(() => createServer(), { host, port, gracefulShutdownTimeout: 100 })),
    Layer.provideMerge(layer)
  )

const serve = <Id, Controls>(fake: Fake<Id, Controls>, names: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const { out } = yield* Shell
    const controls = yield* fake.controls
    const { address } = yield* HttpServer.HttpServer
    for (const order of [...fake.life, ...names.flatMap((name) => fake.faults[name] ?? [])]) {
      yield* Effect.forkScoped(order(controls), { startImmediately: true })
    }
    // always JSON: this is started by a program, or its output is passed on to one
    yield* out(
      JSON.stringify(fake.ready(`http://${host}:${address._tag === "UnixPathAddress" ? 0 : address.port}`))
    )
    return yield* Effect.never
  })

/** Serves a fake until it is interrupted; each fault meets the first requests that it applies to. */
export const serveFake =
  <Id, Controls>(fake: Fake<Id, Controls>) =>
  ({ faults: names, port }: { readonly port: number; readonly faults: ReadonlyArray<string> }) =>
    Effect.gen(function*() {
      const unknown = names.find((name) => !Object.hasOwn(fake.faults, name))
      if (unknown !== undefined) {
        const known = Object.keys(fake.faults).join(", ")
        return yield* misused(fake.command, `unknown fault "${unknown}"; known: ${known}`)
      }
      return yield* Effect.scoped(serve(fake, names)).pipe(
        Effect.provide(layerOf(fake, port)),
        Effect.catchTag("ServeError", () =>
          Effect.fail(
            invalid("dev", [{
              path: "port",
              message: `${port} cannot be listened on; choose another, or 0 for a free one`
            }])
          ))
      )
    })
