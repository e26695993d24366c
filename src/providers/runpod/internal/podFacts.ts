/** What of a pod is read to make a compute of it; the rest of it is kept as it came, in `raw`. */
import * as Schema from "effect/Schema"
import * as Calls from "../schema/calls.ts"
import { maybe } from "../schema/wire.ts"

const port = /* @__PURE__ */ Schema.Struct({
  private: /* @__PURE__ */ maybe(Schema.Finite),
  public: /* @__PURE__ */ maybe(/* @__PURE__ */ Schema.NullOr(Schema.Finite)),
  type: /* @__PURE__ */ maybe(Schema.String),
  ip: /* @__PURE__ */ maybe(/* @__PURE__ */ Schema.NullOr(Schema.String))
})

/** Whatever is odd reads as missing, as in the schema of the whole pod. */
const tolerant = /* @__PURE__ */ Schema.Struct({
  id: Schema.String,
  name: /* @__PURE__ */ maybe(Schema.String),
  status: /* @__PURE__ */ maybe(Schema.String),
  image: /* @__PURE__ */ maybe(Schema.String),
  ports: /* @__PURE__ */ maybe(/* @__PURE__ */ Schema.Array(Schema.String)),
  env: /* @__PURE__ */ maybe(/* @__PURE__ */ Schema.Record(Schema.String, Schema.String)),
  gpu: /* @__PURE__ */ maybe(
    /* @__PURE__ */ Schema.Struct({
      id: /* @__PURE__ */ maybe(Schema.String),
      count: /* @__PURE__ */ maybe(Schema.Finite)
    })
  ),
  cpu: /* @__PURE__ */ maybe(/* @__PURE__ */ Schema.Struct({ id: /* @__PURE__ */ maybe(Schema.String) })),
  dataCenterId: /* @__PURE__ */ maybe(/* @__PURE__ */ Schema.NullOr(Schema.String)),
  cost: /* @__PURE__ */ maybe(Schema.Finite),
  runtime: /* @__PURE__ */ maybe(
    /* @__PURE__ */ Schema.NullOr(
      /* @__PURE__ */ Schema.Struct({ ports: /* @__PURE__ */ maybe(/* @__PURE__ */ Schema.Array(port)) })
    )
  ),
  createdAt: /* @__PURE__ */ maybe(Schema.String),
  startedAt: /* @__PURE__ */ maybe(/* @__PURE__ */ Schema.NullOr(Schema.String))
})

export type PodFacts = typeof tolerant.Type

const isText = (value: unknown): boolean => typeof value === "string"
const isFields = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** A value that is missing, or passes. */
const optional = (is: (value: unknown) => boolean) => (value: unknown): boolean => value === undefined || is(value)
const optionalText = optional(isText)
const optionalNumber = optional(Number.isFinite)
const isTexts = optional((value) => Array.isArray(value) && value.every(isText))

const isPort = (value: unknown): boolean =>
  isFields(value) && optionalNumber(value["private"]) && (value["public"] === null || optionalNumber(value["public"]))
  && optionalText(value["type"]) && (value["ip"] === null || optionalText(value["ip"]))

const isEnv = optional((value) => isFields(value) && Object.values(value).every(isText))
const isGpu = optional((value) => isFields(value) && optionalText(value["id"]) && optionalNumber(value["count"]))
const isCpu = optional((value) => isFields(value) && optionalText(value["id"]))
const isPorts = optional((value) => Array.isArray(value) && value.every(isPort))
const isRuntime = optional((value) => value === null || (isFields(value) && isPorts(value["ports"])))

/**
 * Whether nothing of these fields is odd. Nearly every pod passes, and this is many times cheaper than a schema, which looks at each
 * pod of a listing anew. It looks at what JSON can hold; the schema has the last word about everything else.
 */
const isPlain = (pod: unknown): pod is PodFacts =>
  isFields(pod) && isText(pod["id"]) && optionalText(pod["name"]) && optionalText(pod["status"])
  && optionalText(pod["image"]) && isTexts(pod["ports"]) && isEnv(pod["env"]) && isGpu(pod["gpu"]) && isCpu(pod["cpu"])
  && (pod["dataCenterId"] === null || optionalText(pod["dataCenterId"])) && optionalNumber(pod["cost"])
  && isRuntime(pod["runtime"]) && optionalText(pod["createdAt"])
  && (pod["startedAt"] === null || optionalText(pod["startedAt"]))

/** These fields of a pod, read as those of the whole pod are. A pod without anything odd is read as it is, further fields and all. */
export const PodFacts = /* @__PURE__ */ Schema.Union([/* @__PURE__ */ Schema.declare(isPlain), tolerant])

/** The calls that answer with a pod, of which no more than this is read. */
export const calls = {
  createPod: /* @__PURE__ */ Calls.createPod(PodFacts),
  getPod: /* @__PURE__ */ Calls.getPod(PodFacts),
  podAction: /* @__PURE__ */ Calls.podAction(PodFacts)
}
