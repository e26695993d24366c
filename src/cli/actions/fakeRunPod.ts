/**
 * What `atlas dev fake-runpod` does: a RunPod account in memory, on loopback, for any HTTP client.
 */
import * as Effect from "effect/Effect"
import * as FakeRunPod from "../../providers/runpod/FakeRunPod.ts"
import { type Order as OrderOf, serveFake } from "./serveFake.ts"

/** The fake accepts any key; this one says what it is. */
const apiKey = "fake-runpod-key"
const endpoint = "demo"

const pause = "500 millis"

type Order = OrderOf<FakeRunPod.Controls>

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
  "lost-volume": order({ _tag: "LoseAnswer", on: "createNetworkVolume", acted: true }),
  "twin-pods": order({ _tag: "Twin", on: "createPod" }),
  "no-capacity": order({ _tag: "NoCapacity", on: "createPod", detail: FakeRunPod.noCapacity[0] }),
  "no-capacity-500": order({ _tag: "Refuse", on: "createPod", status: 500, detail: FakeRunPod.noCapacity[5] }),
  "host-full": order({ _tag: "Refuse", on: "podAction", status: 500, detail: FakeRunPod.hostFull, times: 100 }),
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
  "late-ports": (controls) => controls.setPortsLag("8 seconds"),
  "no-ports": (controls) => controls.setPortsLag("Infinity"),
  "ignored-delete": (controls) => controls.ignoreDeletes(1),
  "crash-loop": toTheFirstPod((controls, id) =>
    controls.writeLog(id, "start container for its image: begin", "system").pipe(
      Effect.andThen(Effect.sleep("3 seconds")),
      Effect.forever
    )
  ),
  "vanishing-pod": toTheFirstPod((controls, id) => controls.vanish(id)),
  "command-ends": toTheFirstPod((controls, id) => controls.endCommand(id, 0)),
  "command-fails": toTheFirstPod((controls, id) => controls.endCommand(id, 7)),
  "price-change": toTheFirstPod((controls, id) => controls.setPrice(id, 99))
}

/** Serves a RunPod account until it is interrupted. */
export const run = serveFake({
  command: "dev fake-runpod",
  controls: FakeRunPod.FakeRunPodControls,
  layer: FakeRunPod.layer({ provisioning: pause, starting: pause, coldStart: pause, endpoints: [endpoint] }),
  routes: FakeRunPod.layerServer,
  life: [],
  faults,
  ready: (url) => ({ url, baseUrl: `${url}/v2`, runtimeUrl: `${url}/v2`, apiKey, endpoint })
})
