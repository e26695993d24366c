/**
 * A process of its own that rents through the library, says what it got, and stays: for tests that kill it.
 *
 * Arguments: the state directory, how many computes, then the command.
 */
import { Atlas } from "effect-atlas"
import * as Effect from "effect/Effect"
import { providers } from "./harness.ts"

const [stateDir = "", count = "1", ...command] = process.argv.slice(2)

await Effect.runPromise(
  Effect.forEach(
    Array.from({ length: Number(count) }),
    () =>
      Effect.flatMap(
        Atlas.spawnCompute({ command, ports: ["8000/http"] }),
        (compute) => Effect.sync(() => process.stdout.write(`${JSON.stringify(compute)}\n`))
      ),
    { concurrency: "unbounded", discard: true }
  ).pipe(Effect.provide(providers(stateDir)))
)
if (process.env["STAY"] !== undefined) setInterval(() => {}, 1_000_000)
