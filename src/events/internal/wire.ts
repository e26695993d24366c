/** How a message looks outside the process: the JSON of its topic's schema. */
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Topic } from "../Topic.ts"

interface Wire {
  readonly encode: (message: unknown) => Effect.Effect<Schema.Json, Schema.SchemaError>
  readonly decode: (json: unknown) => Effect.Effect<unknown, Schema.SchemaError>
}

/** Deriving a codec is dear, and a topic is made anew for each name. */
const derived = new WeakMap<Topic<unknown>["schema"], Wire>()

export const of = (schema: Topic<unknown>["schema"]): Wire => {
  const known = derived.get(schema)
  if (known !== undefined) return known
  const codec = Schema.toCodecJson(schema)
  const made: Wire = { encode: Schema.encodeUnknownEffect(codec), decode: Schema.decodeUnknownEffect(codec) }
  derived.set(schema, made)
  return made
}
