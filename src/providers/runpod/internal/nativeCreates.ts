/** Creates of the native client whose answer is lost: what is there under the name that was asked for is told with the failure. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { AtlasErrorReason } from "../../../domain/AtlasError.ts"
import type { Call } from "../../../provider/Call.ts"
import { told } from "../../../provider/LostCreate.ts"
import { type Fields, isFields } from "../../../provider/ProviderOpts.ts"
import { type OperationName, operations } from "../RunPodSchema.ts"
import type { Wire } from "./edge.ts"
import * as Listing from "./listing.ts"
import type { Loose } from "./requests.ts"

type Listed = { readonly id: string }

interface Kind {
  readonly what: (body: Fields) => string
  readonly list: (call: Call) => Effect.Effect<ReadonlyArray<Listed>, AtlasErrorReason>
  /** The fields by which one is known. */
  readonly keys: ReadonlyArray<string>
}

/** The lists that come in pages, read to their end. */
export const listsOf = ({ ask }: Pick<Wire, "ask">) => ({
  pods: Listing.all((query, call) =>
    Effect.map(ask(operations.listPods)({ query }, call), ({ pagination, pods }) => ({ items: pods, pagination }))
  ),
  endpoints: Listing.all((query, call) =>
    Effect.map(
      ask(operations.listEndpoints)({ query }, call),
      ({ endpoints, pagination }) => ({ items: endpoints, pagination })
    )
  ),
  templates: Listing.all((query, call) =>
    Effect.map(
      ask(operations.listTemplates)({ query }, call),
      ({ pagination, templates }) => ({ items: templates, pagination })
    )
  )
})

const kindsOf = (wire: Wire): ReadonlyMap<OperationName, Kind> => {
  const { endpoints, pods, templates } = listsOf(wire)
  const called = (noun: string) => ({ name }: Fields) => `${noun} called ${String(name)}`
  const keys = ["name"]
  return new Map<OperationName, Kind>([
    ["createPod", { what: called("a pod"), list: pods, keys }],
    ["createEndpoint", { what: called("an endpoint"), list: endpoints, keys }],
    ["createTemplate", { what: called("a template"), list: templates, keys }],
    ["createNetworkVolume", {
      what: (body) =>
        `${called("a network volume")(body)} of ${String(body["size"])} GB in ${String(body["dataCenter"])}`,
      list: (call) => Effect.map(wire.ask(operations.listNetworkVolumes)({}, call), (all) => all.networkVolumes),
      keys: ["name", "size", "dataCenter"]
    }],
    ["createRegistry", {
      what: called("a registry credential"),
      list: (call) => Effect.map(wire.ask(operations.listRegistries)({}, call), (all) => all.registries),
      keys
    }]
  ])
}

/** Adds to the failure of a lost create what is there now; other calls, and those with a time limit of their own, are left as they are. */
export const telling = (wire: Wire, settleWindow: Duration.Input = "5 seconds") => {
  const kinds = kindsOf(wire)
  return (name: OperationName, { body }: Loose, call: Call) => {
    const kind = kinds.get(name)
    return <A>(asked: Effect.Effect<A, AtlasErrorReason>): Effect.Effect<A, AtlasErrorReason> =>
      kind === undefined || !isFields(body) || call.timeout !== null
        ? asked
        : Effect.catchTag(
          asked,
          "Uncertain",
          told({
            what: kind.what(body),
            list: kind.list(call),
            isWanted: (one) => kind.keys.every((key) => Reflect.get(one, key) === body[key]),
            idOf: ({ id }) => id,
            settleWindow: Duration.fromInputUnsafe(settleWindow)
          })
        )
  }
}
