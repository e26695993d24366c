/** What of a pod is read to make a compute of it; the rest of it is kept as it came, in `raw`. */
import * as Schema from "effect/Schema"
import * as Calls from "../schema/calls.ts"
import { maybe } from "../schema/wire.ts"

const factsWith = (field: typeof Schema.optionalKey) => {
  const port = Schema.Struct({
    private: field(Schema.Finite),
    public: field(Schema.NullOr(Schema.Finite)),
    type: field(Schema.String),
    ip: field(Schema.NullOr(Schema.String))
  })
  return Schema.Struct({
    id: Schema.String,
    name: field(Schema.String),
    status: field(Schema.String),
    image: field(Schema.String),
    ports: field(Schema.Array(Schema.String)),
    env: field(Schema.Record(Schema.String, Schema.String)),
    gpu: field(Schema.Struct({ id: field(Schema.String), count: field(Schema.Finite) })),
    cpu: field(Schema.Struct({ id: field(Schema.String) })),
    dataCenterId: field(Schema.NullOr(Schema.String)),
    cost: field(Schema.Finite),
    runtime: field(Schema.NullOr(Schema.Struct({ ports: field(Schema.Array(port)) }))),
    createdAt: field(Schema.String),
    startedAt: field(Schema.NullOr(Schema.String))
  })
}

/**
 * These fields of a pod, read as those of the whole pod are: what is odd reads as missing.
 *
 * Tried first is the shape without that tolerance: nearly every pod has it, and it is read in a third of the time.
 */
export const PodFacts = /* @__PURE__ */ Schema.Union([
  /* @__PURE__ */ factsWith(Schema.optionalKey),
  // a tolerant field decodes to the same type as one that may be missing
  /* @__PURE__ */ factsWith(maybe as typeof Schema.optionalKey)
])

export type PodFacts = typeof PodFacts.Type

/** The calls that answer with a pod, of which no more than this is read. */
export const calls = {
  createPod: /* @__PURE__ */ Calls.createPod(PodFacts),
  getPod: /* @__PURE__ */ Calls.getPod(PodFacts),
  podAction: /* @__PURE__ */ Calls.podAction(PodFacts)
}
