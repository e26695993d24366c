/**
 * One command in a machine of its own, watched by an orchestrator: never longer than a minute, its exit code is the answer.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Atlas, Providers } from "effect-atlas"
import { Orchestrator, SessionStore } from "effect-atlas/orchestrator"
import * as LocalProvider from "effect-atlas/providers/LocalProvider"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"

const program = Effect.gen(function*() {
  const { compute, id } = yield* Orchestrator.runTask(
    { command: ["sh", "-c", "echo working; exit 3"], name: "example" },
    { maxRuntime: "1 minute" }
  )
  const lines = yield* Stream.runCollect(Stream.map(Atlas.streamLogs(compute.id, { follow: true }), ({ text }) => text))
  const { outcome } = yield* Orchestrator.awaitEnd(id)
  yield* Console.log(`it said "${Array.from(lines).join("\n")}" and ended: ${JSON.stringify(outcome)}`)
})

const providers = Providers.layer(LocalProvider.layer()).pipe(Layer.provide(NodeServices.layer))

// an exit is seen at the next look at the account; looking costs nothing on this machine
const orchestrator = Orchestrator.layer({ owner: "example", pollInterval: "200 millis" }).pipe(
  Layer.provide(SessionStore.layerMemory)
)

program.pipe(Effect.provide(Layer.provideMerge(orchestrator, providers)), NodeRuntime.runMain)
