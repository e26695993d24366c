/**
 * The mock keeps every promise a provider makes, those about lost answers and server errors too.
 */
import { describe, it } from "@effect/vitest"
import { AtlasError } from "effect-atlas"
import * as MockProvider from "effect-atlas/providers/MockProvider"
import { ProviderConformance } from "effect-atlas/testing"
import * as Effect from "effect/Effect"

const controls = MockProvider.MockControls

ProviderConformance.suite(
  { describe, it },
  "mock",
  MockProvider.layer({ settleWindow: "20 millis" }),
  {
    reset: controls.use((mock) => mock.reset),
    speak: (id) =>
      controls.use((mock) => Effect.forEach(["one", "two"], (line) => mock.writeLog(id, line), { discard: true })),
    loseNextAnswer: controls.use((mock) => mock.loseNextAnswer({ created: true })),
    failNextCreate: controls.use((mock) =>
      mock.failNext("spawnCompute", new AtlasError.Uncertain({ status: 500, message: "internal server error" }))
    ),
    creates: controls.use((mock) => Effect.map(mock.counts, (counts) => counts.spawnCompute)),
    endpoint: "endpoint"
  }
)
