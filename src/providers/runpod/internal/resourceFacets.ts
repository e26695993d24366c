/** Volumes, templates, endpoints and the bill as Atlas's own types, and the bodies that create the first two. */
import * as Result from "effect/Result"
import { Validation } from "../../../domain/AtlasError.ts"
import type { ComputeId } from "../../../domain/Ids.ts"
import { ProviderId } from "../../../domain/Ids.ts"
import {
  Endpoint,
  NetworkVolume,
  type NetworkVolumeRequest,
  Spend,
  Template,
  type TemplateRequest
} from "../../../domain/Resources.ts"
import * as ProviderOpts from "../../../provider/ProviderOpts.ts"
import type * as Wire from "../RunPodSchema.ts"
import { createNetworkVolume } from "../schema/calls.ts"
import * as Facts from "./facts.ts"
import { leastVolumeGb, mountPath, portIssues, portsOf } from "./podBody.ts"
import { rawOf } from "./raw.ts"
import { check, type Sent } from "./requests.ts"
import { plainLine } from "./selfTerminating.ts"
import { instant, usd } from "./translate.ts"

const provider = ProviderId.make("runpod")

const refuse = (path: string, message: string) => Result.fail(new Validation({ issues: [{ path, message }] }))

/** What a volume's create sends; RunPod needs to know the data center. */
export const volumeBody = (request: NetworkVolumeRequest): Result.Result<Sent, Validation> =>
  Result.gen(function*() {
    const { name, providerOpts, region, sizeGb, tier } = request
    if (region === null && !Object.hasOwn(providerOpts, "dataCenter")) {
      return yield* refuse("region", "RunPod needs the data center of a volume")
    }
    const type = tier === null ? null : tier.toUpperCase()
    const body = yield* ProviderOpts.over({ name, size: sizeGb, dataCenter: region, type }, providerOpts)
    return yield* Result.mapError(check(createNetworkVolume)({ body }), (reason) =>
      ProviderOpts.asWritten(reason, providerOpts, { size: "sizeGb", dataCenter: "region", type: "tier" }))
  })

/** What a template's create sends; a null is not sent, so that RunPod's own default holds. */
export const templateBody = (request: TemplateRequest): Result.Result<Sent, Validation> =>
  Result.gen(function*() {
    const { command, containerDiskGb, env, image, jupyter, name, ports, providerOpts, serverless, ssh, volumeGb } =
      request
    if (volumeGb !== null && volumeGb < leastVolumeGb) {
      return yield* refuse("volumeGb", `RunPod's volumes have at least ${leastVolumeGb} GB`)
    }
    const issues = portIssues(request)
    if (issues.length > 0) return yield* Result.fail(new Validation({ issues }))
    const body = yield* ProviderOpts.over({
      name,
      image,
      serverless,
      ports: ports.length === 0 ? null : portsOf(request),
      env: Object.keys(env).length === 0 ? null : env,
      disk: containerDiskGb,
      mounts: volumeGb === null ? null : { persistent: { size: volumeGb, path: mountPath } },
      args: command === null ? null : plainLine(command),
      startSsh: ssh,
      startJupyter: jupyter
    }, providerOpts)
    return yield* Result.mapError(check(Facts.calls.createTemplate)({ body }), (reason) =>
      ProviderOpts.asWritten(reason, providerOpts, {
        disk: "containerDiskGb",
        "mounts.persistent.size": "volumeGb",
        args: "command",
        startSsh: "ssh",
        startJupyter: "jupyter"
      }))
  })

export const toVolume = (volume: Wire.NetworkVolume, body: unknown): NetworkVolume =>
  new NetworkVolume({
    id: volume.id,
    provider,
    name: volume.name ?? null,
    sizeGb: volume.size ?? null,
    region: volume.dataCenter ?? null,
    raw: rawOf(body)
  })

export const toTemplate = (template: typeof Facts.TemplateFacts.Type, body: unknown): Template =>
  new Template({
    id: template.id,
    provider,
    name: template.name ?? null,
    image: template.image ?? null,
    serverless: template.serverless ?? false,
    raw: rawOf(body)
  })

const endpointTypes: ReadonlyMap<string, Endpoint["type"]> = new Map([
  ["QUEUE", "queue"],
  ["LOAD_BALANCER", "load_balancer"]
])

const typeOf = (type: string | undefined): Endpoint["type"] =>
  type === undefined ? null : endpointTypes.get(type) ?? "unknown"

export const toEndpoint = (endpoint: typeof Facts.EndpointFacts.Type, body: unknown): Endpoint =>
  new Endpoint({
    id: endpoint.id,
    provider,
    name: endpoint.name ?? null,
    type: typeOf(endpoint.type),
    workersMin: endpoint.workers?.min ?? null,
    workersMax: endpoint.workers?.max ?? null,
    gpuPools: endpoint.gpu?.pools ?? [],
    regionHints: endpoint.dataCenterIds ?? [],
    networkVolumeIds: endpoint.networkVolumes ?? [],
    createdAt: instant(endpoint.createdAt),
    raw: rawOf(body)
  })

/** A pod's bill; null where an amount is missing, since a part of a bill reads as a smaller one. */
export const toSpend = (id: ComputeId, bill: typeof Facts.BillFacts.Type, body: unknown): Spend | null => {
  const { query, totals } = bill.metadata ?? {}
  const totalUsd = usd(totals?.totalAmount)
  const gpuUsd = usd(totals?.gpuAmount)
  const cpuUsd = usd(totals?.cpuAmount)
  const diskUsd = usd(totals?.diskAmount)
  if (totalUsd === null || gpuUsd === null || cpuUsd === null || diskUsd === null) return null
  const time = (name: string) => {
    const value = query?.[name]
    return typeof value === "string" ? instant(value) : null
  }
  return new Spend({
    computeId: id,
    provider,
    totalUsd,
    gpuUsd,
    cpuUsd,
    diskUsd,
    from: time("startTime"),
    to: time("endTime"),
    raw: rawOf(body)
  })
}
