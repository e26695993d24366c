/**
 * The one place of the command line that names clouds: which providers `--provider` can mean, and how each is tried out.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Input } from "../domain/ComputeRequest.ts"
import type { GpuEntry } from "../domain/GpuCatalog.ts"
import type { Flag } from "../provider/Capability.ts"
import * as Provider from "../provider/Provider.ts"
import * as Providers from "../provider/Providers.ts"
import * as FlyMachines from "../providers/flymachines/gpuNames.ts"
import * as Lambda from "../providers/lambdalabs/gpuNames.ts"
import * as LocalProvider from "../providers/LocalProvider.ts"
import * as MockProvider from "../providers/MockProvider.ts"
import * as RunPod from "../providers/RunPod.ts"
import * as Vast from "../providers/vast/gpuNames.ts"
import * as Accounts from "./accounts.ts"
import * as Proxies from "./Proxies.ts"

const reserved = (id: string, flags: ReadonlyArray<Flag>, gpuNames: ReadonlyArray<GpuEntry>) =>
  Layer.succeed(Provider.Provider, Provider.placeholder(id, flags, gpuNames))

/** Clouds of which there can be several accounts. */
const further = { runpod: RunPod.layerConfig }
const clouds = ["runpod"] as const satisfies ReadonlyArray<keyof typeof further>

/** The ids of all that need no setting to be there. */
const ids = ["local", "mock", "runpod", "lambda_labs", "vast", "fly"]

/** All of them; the first is the default unless `ATLAS_PROVIDER` names another. */
export const layer = Layer.unwrap(Effect.map(Accounts.read(clouds, ids), (accounts) =>
  Providers.layer(
    LocalProvider.layerConfig(),
    MockProvider.layer({ settleWindow: "100 millis", pollInterval: "100 millis", refuseUnknownOpts: true }),
    RunPod.layerConfig(),
    ...accounts.map(({ cloud, id }) => further[cloud]({ id })),
    reserved("lambda_labs", ["raw_tcp"], Lambda.gpuNames),
    reserved("vast", ["spot", "raw_tcp"], Vast.gpuNames),
    reserved("fly", ["http_proxy", "raw_tcp", "global_networking"], FlyMachines.gpuNames)
  ))).pipe(
    // Node's own fetch: nothing to load, and one request at a time is all a command line makes
    Layer.provide([NodeServices.layer, Proxies.layer])
  )

/** This machine alone, with its computes in a directory of their own. */
export const localIn = (stateDir: string) =>
  Providers.layer(LocalProvider.layer({ stateDir })).pipe(Layer.provide(NodeServices.layer))

/** A server without a secret: it says two lines, listens on every port it is given, and stays. */
const server = `
console.log("one"); console.log("two")
for (const [name, port] of Object.entries(process.env)) {
  if (/^ATLAS_PORT_\\d+$/.test(name)) require("node:net").createServer().listen(Number(port), process.env.HOST)
}
setInterval(() => {}, 2 ** 30)
`

/** Whether what a provider rents is gone with the process that rented it. */
export const forgets = (id: string): boolean => id === "mock"

/** How the conformance suite is to treat a provider. */
export interface Trial {
  /** Nothing it rents costs money, so the user is not asked. */
  readonly isFree: boolean
  /** What the provider needs in every request. */
  readonly request: Input
  /** Whether what it rents writes two log lines by itself. */
  readonly speaks: boolean
}

const trials: ReadonlyMap<string, Trial> = new Map<string, Trial>([
  ["local", { isFree: true, request: { command: [process.execPath, "-e", server] }, speaks: true }],
  ["mock", { isFree: true, request: { image: "me/server" }, speaks: false }],
  // cheap and mostly in stock; a region, since volumes need one; an image that stays, since what ends is started again
  ["runpod", {
    isFree: false,
    request: { gpu: "rtx_4090", image: "nginx:alpine", ports: ["80/http"], regionHints: ["EU-RO-1"] },
    speaks: true
  }]
])

/** How to try a provider of this cloud; one that is not described here may cost money. */
export const trialOf = (cloud: string): Trial => trials.get(cloud) ?? { isFree: false, request: {}, speaks: false }
