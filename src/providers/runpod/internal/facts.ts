/** What is read of RunPod's GPU types, templates, endpoints and bills; the rest is kept as it came, in `raw`. */
import * as Schema from "effect/Schema"
import * as Calls from "../schema/calls.ts"
import { maybe } from "../schema/wire.ts"

export const GpuTypeFacts = Schema.Struct({
  id: Schema.String,
  name: maybe(Schema.String),
  memory: maybe(Schema.Finite),
  secure: maybe(Schema.Boolean),
  community: maybe(Schema.Boolean),
  price: maybe(Schema.Struct({ secure: maybe(Schema.Finite), community: maybe(Schema.Finite) })),
  availability: maybe(Schema.String)
})

export const TemplateFacts = Schema.Struct({
  id: Schema.String,
  name: maybe(Schema.String),
  image: maybe(Schema.String),
  serverless: maybe(Schema.Boolean)
})

export const EndpointFacts = Schema.Struct({
  id: Schema.String,
  name: maybe(Schema.String),
  type: maybe(Schema.String),
  gpu: maybe(Schema.NullOr(Schema.Struct({ pools: maybe(Schema.Array(Schema.String)) }))),
  workers: maybe(Schema.Struct({ min: maybe(Schema.Finite), max: maybe(Schema.Finite) })),
  dataCenterIds: maybe(Schema.Array(Schema.String)),
  networkVolumes: maybe(Schema.Array(Schema.String)),
  createdAt: maybe(Schema.String)
})

export const BillFacts = Schema.Struct({
  records: Schema.Array(Schema.Unknown),
  metadata: maybe(Schema.Struct({
    query: maybe(Schema.Record(Schema.String, Schema.Unknown)),
    totals: maybe(Schema.Struct({
      totalAmount: maybe(Schema.Finite),
      gpuAmount: maybe(Schema.Finite),
      cpuAmount: maybe(Schema.Finite),
      diskAmount: maybe(Schema.Finite)
    }))
  }))
})

/** The calls that answer with one of these. */
export const calls = {
  createTemplate: Calls.createTemplate(TemplateFacts),
  getTemplate: Calls.getTemplate(TemplateFacts),
  getEndpoint: Calls.getEndpoint(EndpointFacts),
  listPodBilling: Calls.listPodBilling(BillFacts)
}
