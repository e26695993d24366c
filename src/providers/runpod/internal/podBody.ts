/** From Atlas's request to the body of RunPod's create; and from its fields back to the request's, to name the one at fault. */
import type * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { type AtlasErrorReason, type Issue, Unsupported, Validation } from "../../../domain/AtlasError.ts"
import type { ComputeRequest } from "../../../domain/ComputeRequest.ts"
import * as GpuCatalog from "../../../domain/GpuCatalog.ts"
import { asWritten, type Fields, given, isFields, merge } from "../../../provider/ProviderOpts.ts"
import { isOwnName } from "./gpuNames.ts"
import { calls } from "./podFacts.ts"
import { check, nameVariable, own, type Sent } from "./requests.ts"
import { commandLine } from "./selfTerminating.ts"

/** RunPod refuses a create without a disk; this holds any image that is commonly used. */
const defaultDiskGb = 50
/** Where storage of either kind is mounted, as RunPod's own images expect it. */
export const mountPath = "/workspace"
/** The smallest disk of the machine itself that RunPod mounts. */
export const leastVolumeGb = 10
/** Port numbers from here on are no ports: they ask for one that is the same outside as inside. */
const symmetricFrom = 70_000

const names = {
  "gpu.id": "gpu",
  "gpu.count": "gpuCount",
  cloud: "cloudType",
  dataCenterIds: "regionHints",
  disk: "containerDiskGb",
  "mounts.persistent.size": "volumeGb",
  "mounts.network": "networkVolumeId",
  args: "command"
}

/** The ports as RunPod writes them, in order. */
export const portsOf = ({ ports }: Pick<ComputeRequest, "ports">): ReadonlyArray<string> => {
  let symmetric = symmetricFrom
  return ports.map(({ port, protocol, symmetric: isSymmetric }) => `${isSymmetric ? ++symmetric : port}/${protocol}`)
}

export const portIssues = ({ ports }: Pick<ComputeRequest, "ports">): ReadonlyArray<Issue> =>
  ports.flatMap(({ protocol, symmetric }, index) =>
    symmetric && protocol === "http"
      ? [{ path: `ports[${index}].symmetric`, message: "RunPod has it for tcp only" }]
      : []
  )

const mountsOf = ({ networkVolumeId, volumeGb }: ComputeRequest): Fields | null => {
  if (volumeGb !== null) return { persistent: { size: volumeGb, path: mountPath } }
  return networkVolumeId === null ? null : { network: [{ volumeId: networkVolumeId, path: mountPath }] }
}

/** What is wrong with a request, the GPU's name aside. */
const issuesOf = (request: ComputeRequest): ReadonlyArray<Issue> => {
  const { gpu, image, networkVolumeId, providerOpts, templateId, volumeGb } = request
  const issues: Array<Issue> = []
  const refuse = (path: string, message: string) => void issues.push({ path, message })
  const hasCpu = Object.hasOwn(providerOpts, "cpu")
  if (Object.hasOwn(providerOpts, "name")) {
    refuse("providerOpts.name", "use the request's own name: a lost answer is found again by it")
  }
  if (volumeGb !== null && networkVolumeId !== null) {
    refuse("networkVolumeId", "cannot be combined with volumeGb: RunPod mounts one kind of storage")
  }
  if (volumeGb !== null && volumeGb < leastVolumeGb) {
    refuse("volumeGb", `RunPod's volumes have at least ${leastVolumeGb} GB`)
  }
  if (volumeGb !== null && hasCpu) refuse("volumeGb", "RunPod has no volume for a pod without a GPU")
  if (image === null && templateId === null && !Object.hasOwn(providerOpts, "image")) {
    refuse("image", "RunPod needs an image, or a templateId")
  }
  if (gpu !== null && hasCpu) refuse("gpu", "cannot be combined with providerOpts.cpu")
  if (gpu === null && !hasCpu && !isFields(providerOpts["gpu"])) {
    refuse("gpu", "RunPod needs a GPU, or the CPU flavor in providerOpts.cpu")
  }
  return [...issues, ...portIssues(request)]
}

const gpuOf = (
  { gpu, gpuCount, providerOpts }: ComputeRequest,
  catalog: GpuCatalog.GpuCatalog
): Result.Result<Fields | null, Validation> => {
  if (Object.hasOwn(providerOpts, "cpu")) return Result.succeed(null)
  // always with its count: without one, creates were refused as if nothing were left
  if (gpu === null) return Result.succeed({ count: gpuCount })
  const id = GpuCatalog.nativeId(catalog, "runpod", gpu, isOwnName)
  return id === null
    ? Result.fail(new Validation({ issues: [{ path: "gpu", message: unknownGpu(gpu, catalog) }] }))
    : Result.succeed({ id, count: gpuCount })
}

/** What to write instead of a name that RunPod cannot have. */
const unknownGpu = (gpu: string, catalog: GpuCatalog.GpuCatalog): string => {
  // another GPU that has a name is meant as it is
  const near = catalog.gpus.has(gpu) ? [] : GpuCatalog.suggest(catalog, gpu, "runpod")
  const instead = near.length === 0
    ? `give one of ${GpuCatalog.canonicalNames(catalog, "runpod").join(", ")}`
    : `did you mean ${near.join(" or ")}? Give a name of \`atlas gpus\``
  return `RunPod is not known to have this GPU; ${instead}, or RunPod's own name, such as "NVIDIA L40S"`
}

/** The body of a create, with every check that needs no request. */
export const podBody = (
  request: ComputeRequest,
  { catalog, env, name }: {
    readonly catalog: GpuCatalog.GpuCatalog
    readonly env: Readonly<Record<string, Redacted.Redacted>>
    readonly name: string
  }
): Result.Result<Sent, AtlasErrorReason> => {
  if (request.spot) {
    return Result.fail(
      new Unsupported({ capability: "spot", message: "RunPod rents no spot pods any more: leave `spot` out" })
    )
  }
  const issues = issuesOf(request)
  if (issues.length > 0) return Result.fail(new Validation({ issues }))
  const gpu = gpuOf(request, catalog)
  if (Result.isFailure(gpu)) return Result.fail(gpu.failure)
  const { cloudType, command, containerDiskGb, image, providerOpts, regionHints, selfTerminate, templateId } = request
  const ports = portsOf(request)
  const hasTemplate = templateId !== null
  const translated = given({
    name,
    image,
    templateId,
    gpu: gpu.success,
    // RunPod has no value for "any": without one it takes its own machines
    cloud: cloudType === "any" ? null : cloudType.toUpperCase(),
    dataCenterIds: regionHints.length === 0 ? null : regionHints,
    // a value here replaces the template's own
    disk: containerDiskGb ?? (hasTemplate ? null : defaultDiskGb),
    ports: ports.length === 0 && hasTemplate ? null : ports,
    mounts: mountsOf(request),
    // an environment of our own could replace the template's
    env: hasTemplate && Object.keys(env).length === 0 ? null : { ...env, [nameVariable]: name },
    args: command === null
      ? null
      : commandLine(command, {
        deletes: selfTerminate,
        name,
        reports: Object.hasOwn(env, "ATLAS_CALLBACK_URL")
      })
  })
  const named = Result.mapError((reason: Validation) => asWritten(reason, providerOpts, names))
  // each field of it stands for a checked one of the request
  if (Object.keys(providerOpts).length === 0) return named(own(calls.createPod, translated))
  const body = merge(translated, providerOpts)
  const { mounts } = body
  if (isFields(mounts) && Object.hasOwn(mounts, "persistent") && Object.hasOwn(mounts, "network")) {
    return Result.fail(
      new Validation({ issues: [{ path: "providerOpts.mounts", message: "RunPod mounts one kind of storage" }] })
    )
  }
  return named(check(calls.createPod)({ body }))
}
