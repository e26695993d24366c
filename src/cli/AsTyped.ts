/**
 * Refusals of a request in the words of its flags: a library's caller knows the fields, a person at the terminal the flags.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import { AtlasError, Unsupported, Validation } from "../domain/AtlasError.ts"

/** Fields that nothing but a flag sets here, by the name that a refusal gives them. */
const flags: ReadonlyMap<string, string> = new Map([
  ["gpuCount", "--gpu-count"],
  ["regionHints", "--region"],
  ["cloudType", "--cloud"],
  ["containerDiskGb", "--disk"],
  ["volumeGb", "--volume-gb"],
  ["networkVolumeId", "--network-volume"],
  ["templateId", "--template"],
  ["minCuda", "--cuda"],
  ["providerOpts.gpu.minCudaVersion", "--cuda"],
  ["registryAuth", "--registry-auth"],
  ["providerOpts.registry", "--registry-auth"]
])

/** Capabilities that a flag asks for. */
const byCapability: ReadonlyMap<string, string> = new Map([
  ["minCuda", "--cuda"],
  ["registryAuth", "--registry-auth"]
])

const option = /^providerOpts(?:\.|(?=\[))/

const pathOf = (path: string): string => flags.get(path) ?? path.replace(option, "--opt ")

const messageOf = (message: string): string =>
  message
    .replace("use the request's own env field", "use --env or --env-file")
    .replace("use the request's own name", "use --name")
    .replace(/\b(?:cloudType|containerDiskGb|volumeGb|networkVolumeId|templateId)\b/g, (field) =>
      flags.get(field) ?? field)
    .replace(/\bproviderOpts\.(?=\w)/g, "--opt ")

const inFlags = (error: AtlasError): AtlasError => {
  const { operation, provider, reason } = error
  switch (reason._tag) {
    case "Validation":
      return new AtlasError({
        provider,
        operation,
        reason: new Validation({
          ...reason,
          issues: reason.issues.map(({ message, path }) => ({ path: pathOf(path), message: messageOf(message) }))
        })
      })
    case "Unsupported": {
      const flag = byCapability.get(reason.capability)
      const message = messageOf(reason.message)
      return new AtlasError({
        provider,
        operation,
        reason: new Unsupported({ ...reason, message: flag === undefined ? message : `${message}: leave ${flag} out` })
      })
    }
    default:
      return error
  }
}

/** Names the flags in whatever refuses the request; of several failures, such as that of handing back, each is kept. */
export const asTyped = <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E | AtlasError, R> =>
  Effect.catchCause(
    self,
    (cause) => Effect.failCause(Cause.map(cause, (error) => error instanceof AtlasError ? inFlags(error) : error))
  )
