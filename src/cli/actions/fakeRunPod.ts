/**
 * What `atlas dev fake-runpod` does: a RunPod account in memory, on loopback, for any HTTP client.
 */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Effect from "effect/Effect"
import * as HttpServer from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import { createServer } from "node:http"
import { invalid } from "../../domain/AtlasError.ts"
import * as FakeRunPod from "../../providers/runpod/FakeRunPod.ts"
import { misused } from "../Flags.ts"
import { Shell } from "../Shell.ts"

const host = "127.0.0.1"
/** The fake accepts any key; this one says what it is. */
const apiKey = "fake-runpod-key"
const endpoint = "demo"

const pause = "500 millis"

type Order = (controls: FakeRunPod.Controls) => Effect.Effect<void>

const order = (fault: FakeRunPod.Fault): Order => (controls) => controls.order(fault)

/** Waits for the first pod, lets it live for a while, and then does something to it. */
const toTheFirstPod = (act: (controls: FakeRunPod.Controls, id: string) => Effect.Effect<void>): Order => (controls) =>
  Effect.gen(function*() {
    let [first] = (yield* controls.ledger).made
    while (first === undefined) {
      yield* Effect.sleep(pause)
      ;[first] = (yield* controls.ledger).made
    }
    yield* Effect.sleep("5 seconds")
    yield* act(controls, first.id)
  })

/** What can be made to go wrong, each once unless its name says otherwise. */
const faults: Readonly<Record<string, Order>> = {
  "lost-answer": order({ _tag: "LoseAnswer", on: "createPod", acted: true }),
  "lost-request": order({ _tag: "LoseAnswer", on: "createPod" }),
  "error-after-create": order({ _tag: "Refuse", on: "createPod", status: 500, acted: true }),
  "error-before-create": order({ _tag: "Refuse", on: "createPod", status: 500 }),
  "twin-pods": order({ _tag: "Twin", on: "createPod" }),
  "no-capacity": order({ _tag: "NoCapacity", on: "createPod", detail: FakeRunPod.noCapacity[0] }),
  "no-balance": (controls) => controls.setBalance(false),
  "revoked-key": (controls) => controls.setAccess("revoked"),
  "read-only-key": (controls) => controls.setAccess("read"),
  "rate-limited": order({ _tag: "Refuse", status: 429, retryAfter: 1, times: 2 }),
  "unavailable": order({ _tag: "Refuse", status: 503, form: "html" }),
  "malformed-json": order({ _tag: "Garble" }),
  "wrong-shape": order({ _tag: "WrongShape" }),
  "slow-drip": order({ _tag: "Drip", every: "20 millis", bytes: 8 }),
  "slow-answer": order({ _tag: "Delay", answer: "3 seconds" }),
  "no-answer": order({ _tag: "Hang" }),
  "partial-page": order({ _tag: "ShortPage", on: "listPods" }),
  "cursor-loop": order({ _tag: "CursorLoop", on: "listPods", times: 1000 }),
  "cut-log": order({ _tag: "CutStream", on: "getPodLogs", lines: 1 }),
  "listing-lag": (controls) => controls.setListingLag("3 seconds"),
  "ignored-delete": (controls) => controls.ignoreDeletes(1),
  "vanishing-pod": toTheFirstPod((controls, id) => controls.vanish(id)),
  "price-change": toTheFirstPod((controls, id) => controls.setPrice(id, 99))
}

const layer = (port: number) =>
  FakeRunPod.layerServer.pipe(
    // connections that are kept open do not delay the end once a signal has come
    Layer.provideMerge(NodeHttpServer.layer(() => createServer(), { host, port, gracefulShutdownTimeout: 100 })),
    Layer.provideMerge(
      FakeRunPod.layer({ provisioning: pause, starting: pause, coldStart: pause, endpoints: [endpoint] })
    )
  )

const serve = (names: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const { out } = yield* Shell
    const controls = yield* FakeRunPod.FakeRunPodControls
    const { address } = yield* HttpServer.HttpServer
    for (const name of names) {
      const make = faults[name]
      if (make !== undefined) yield* Effect.forkScoped(make(controls), { startImmediately: true })
    }
    const url = `http://${host}:${address._tag === "UnixPathAddress" ? 0 : address.port}`
    const api = `${url}/v2`
    // always JSON: this is started by a program, or its output is passed on to one
    yield* out(JSON.stringify({ url, baseUrl: api, runtimeUrl: api, apiKey, endpoint }))
    return yield* Effect.never
  })

/** Serves until it is interrupted; each fault meets the first requests that it applies to. */
export const run = ({ faults: names, port }: { readonly port: number; readonly faults: ReadonlyArray<string> }) =>
  Effect.gen(function*() {
    const unknown = names.find((name) => !Object.hasOwn(faults, name))
    if (unknown !== undefined) {
      return yield* misused("dev fake-runpod", `unknown fault "${unknown}"; known: ${Object.keys(faults).join(", ")}`)
    }
    return yield* Effect.scoped(serve(names)).pipe(
      Effect.provide(layer(port)),
      Effect.catchTag(
        "ServeError",
        () =>
          Effect.fail(
            invalid("dev", [{
              path: "port",
              message: `${port} cannot be listened on; choose another, or 0 for a free one`
            }])
          )
      )
    )
  })
