/** What workers do with jobs. */
import type * as Schema from "effect/Schema"
import type { JobPlan } from "../FakeRunPodControls.ts"
import { millisOf } from "./faults.ts"
import type { Plan } from "./state.ts"

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/**
 * Repeats its input after a second: `{ "echo": input }`, also as its only chunk.
 *
 * An input may say otherwise, so that a command line can too: `{"fake": {"ms": 200, "stream": ["a", "b"]}}`, and
 * `{"fake": {"error": "out of memory"}}`.
 */
export const defaultJob = (input: Schema.Json): JobPlan => {
  const fake: unknown = isObject(input) ? input["fake"] : undefined
  const given = isObject(fake) ? fake : {}
  const millis = typeof given["ms"] === "number" ? given["ms"] : 1000
  const stream: ReadonlyArray<Schema.Json> | null = Array.isArray(given["stream"]) ? given["stream"] : null
  const output = { echo: input }
  const chunks = stream ?? [output]
  return {
    duration: millis,
    ...(typeof given["error"] === "string"
      ? { error: given["error"] }
      : { output: stream === null ? output : [...stream] }),
    stream: chunks.map((one, index) => ({ after: (millis * (index + 1)) / chunks.length, output: one }))
  }
}

export const plannerOf = (job: (input: Schema.Json) => JobPlan) => (input: Schema.Json): Plan => {
  const { duration, error, output, stream } = job(input)
  return {
    duration: millisOf(duration, 1000),
    output,
    error: error ?? null,
    chunks: (stream ?? []).map((chunk) => ({ at: millisOf(chunk.after), output: chunk.output }))
  }
}
