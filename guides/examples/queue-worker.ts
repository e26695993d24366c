/**
 * A worker that rents a machine for each message of a queue, three at once, and takes a message off the queue only when its machine
 * is gone. The queue is a list in memory here; the shape is the same over SQS, Redis or a table.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Providers } from "effect-atlas"
import { Orchestrator, SessionStore } from "effect-atlas/orchestrator"
import * as LocalProvider from "effect-atlas/providers/LocalProvider"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

interface Message {
  readonly id: string
  readonly command: ReadonlyArray<string>
}

const queue: Array<Message> = [
  { id: "m1", command: ["true"] },
  { id: "m2", command: ["sh", "-c", "exit 7"] },
  { id: "m3", command: ["true"] },
  { id: "m4", command: ["true"] }
]

const acknowledge = (message: Message) => Effect.sync(() => void queue.splice(queue.indexOf(message), 1))

const work = (message: Message) =>
  Effect.gen(function*() {
    const { id } = yield* Orchestrator.runTask({ command: message.command, name: message.id }, {
      userId: message.id,
      maxRuntime: "5 minutes",
      maxCost: 1,
      // a machine that is lost is replaced; a command that failed is not run again
      onFailure: { respawn: 2 }
    })
    // a worker that is stopped ends the machine; the message stays where it is
    const { outcome } = yield* Effect.onInterrupt(Orchestrator.awaitEnd(id), () =>
      Effect.ignore(Orchestrator.stopTracked(id)))
    if (outcome?._tag === "Failed" && outcome.cause !== "exit_code") {
      // left on the queue, which hands it out again
      return yield* Console.log(`${message.id} is given back: ${outcome.cause}`)
    }
    yield* acknowledge(message)
    return [message.id, outcome?._tag ?? "unknown"] as const
  })

const orchestrator = Orchestrator.layer({ owner: "worker", pollInterval: "200 millis" }).pipe(
  Layer.provide([SessionStore.layerMemory, Providers.layer(LocalProvider.layer())]),
  Layer.provide(NodeServices.layer)
)

Effect.forEach([...queue], work, { concurrency: 3 }).pipe(
  Effect.flatMap((done) =>
    Console.log(`${done.map((one) => one?.join(" ")).join(", ")}; left on the queue: ${queue.length}`)
  ),
  Effect.provide(orchestrator),
  NodeRuntime.runMain
)
