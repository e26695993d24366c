/**
 * What `atlas dev fake-fly` does: Fly's log hosts in memory, on loopback, with an app that keeps talking.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FakeFly from "../../fly/FakeFly.ts"
import { type Order as OrderOf, serveFake } from "./serveFake.ts"

/** The fake accepts any macaroon; this one says what it is. */
const token = "fm2_fake-fly-token"
const app = "acme-web"

const pause = "500 millis"
const always = Number.MAX_SAFE_INTEGER

type Order = OrderOf<FakeFly.FakeFly["Service"]>

const order = (fault: FakeFly.Fault): Order => (fly) => fly.order(fault)

/** Appends a line of this kind again and again. */
const talking = (line: (count: number, now: number) => FakeFly.Line, times = 1): Order => (fly) =>
  Effect.gen(function*() {
    for (let count = 0;; count++) {
      yield* fly.append(app, Array(times).fill(line(count, yield* Clock.currentTimeMillis)))
      yield* Effect.sleep(pause)
    }
  })

const stamp = (millis: number): string => new Date(millis).toISOString()

/** What can be made to go wrong, once unless its name says otherwise. */
const faults: Readonly<Record<string, Order>> = {
  "unauthorized-once": order({ _tag: "Refuse", status: 401 }),
  "unauthorized": order({ _tag: "Refuse", status: 401, times: always }),
  "forbidden": order({ _tag: "Refuse", status: 403, times: always }),
  // not by removing it: an app that goes on writing would be there again
  "app-gone": order({ _tag: "Refuse", status: 404, times: always }),
  "server-error": order({ _tag: "Refuse", status: 503, times: 2 }),
  "rate-limited": order({ _tag: "Refuse", status: 429, retryAfter: 1, times: 2 }),
  "malformed-json": order({ _tag: "Garble" }),
  "malformed-lines": order({ _tag: "Strange", on: "machines", times: always, lines: ["{\"message\":", "plain words"] }),
  "non-object-lines": order({ _tag: "Strange", times: always, lines: ["42", "\"text\"", "null", "[1]", "true"] }),
  "hollow-lines": order({ _tag: "Hollow", times: always }),
  "no-cursor": order({ _tag: "Cursor", text: "null", times: always }),
  "stale-cursor": order({ _tag: "Cursor", text: "1", skip: 2, times: always }),
  "overlap": order({ _tag: "Overlap", times: always }),
  "ignored-cursor": order({ _tag: "IgnoreCursor", times: always }),
  "empty-ids": talking((count) => ({ message: `nameless ${count}`, id: "" })),
  "equal-ids": talking((count) => ({ message: `namesake ${count}`, id: "same" })),
  "equal-lines": talking((_, now) => ({ message: "tick", id: null, timestamp: stamp(now) }), 2),
  "future-line": (fly) =>
    Effect.flatMap(
      Clock.currentTimeMillis,
      (now) => fly.append(app, [{ message: "from the future", timestamp: stamp(now + 365 * 24 * 3600 * 1000) }])
    ),
  "late-entries": talking((count, now) => ({ message: `late ${count}`, timestamp: stamp(now - 10_000) })),
  "equal-timestamps": talking((count, now) => ({ message: `twin ${count}`, timestamp: stamp(now - now % 2000) })),
  "unreadable-timestamps": talking((count) => ({ message: `timeless ${count}`, timestamp: "yesterday" })),
  "lost-answer": order({ _tag: "LoseAnswer" }),
  "slow-answer": order({ _tag: "Delay", by: "3 seconds" }),
  "no-answer": order({ _tag: "Hang" }),
  "redirect": order({ _tag: "Redirect", location: "http://127.0.0.1:9/" }),
  "huge-answer": order({ _tag: "Huge", bytes: 20 * 1024 * 1024 })
}

/** What the app has written before it is served. */
const release: Order = (fly) =>
  fly.append(app, ["one", "two", "three"].map((word) => ({ message: `release ${word}`, instance: null })))

/** A few machines that serve a few requests a second. */
const life = talking((count) => ({
  message: count === 0 ? "listening on :8080" : `GET /things/${count} 200 ${10 + (count * 7) % 90}ms`,
  level: count % 10 === 9 ? "warn" : "info",
  region: count % 3 === 0 ? "ams" : "fra",
  instance: `3d8d413b29d08${count % 3}`
}))

/** Serves Fly's log hosts until it is interrupted. */
export const run = serveFake({
  command: "dev fake-fly",
  controls: FakeFly.FakeFly,
  layer: FakeFly.layer({ apps: [app] }),
  routes: FakeFly.layerServer,
  life: [(fly) => Effect.andThen(release(fly), life(fly))],
  faults,
  ready: (url) => ({ url, baseUrl: url, machinesUrl: `${url}/v1/apps`, token, app })
})
