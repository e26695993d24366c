/**
 * The request as it is stored, enough to rent again but without secrets: environment names instead of values, options
 * without their credentials.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type { AtlasError } from "../../domain/AtlasError.ts"
import { PortProtocol } from "../../domain/Compute.ts"
import { AuthScheme, ComputeRequest } from "../../domain/ComputeRequest.ts"
import { decoder } from "../../domain/Decode.ts"
import { CloudType } from "../../domain/Gpu.ts"
import { ProviderId } from "../../domain/Ids.ts"

const text = Schema.NullOr(Schema.String)
const count = Schema.NullOr(Schema.Int)

/**
 * One place to rent at: a provider, a canonical GPU name (null leaves it to the provider) and regions, best first.
 *
 * @category models
 * @since 0.1.0
 */
export const Candidate = Schema.Struct({
  provider: ProviderId,
  gpu: text,
  regionHints: Schema.Array(Schema.String)
})

/**
 * @category models
 * @since 0.1.0
 */
export type Candidate = typeof Candidate.Type

/**
 * A request as a row may hold it. GPU and regions are in the {@link Candidate}s.
 *
 * @category models
 * @since 0.1.0
 */
export const RentRequest = Schema.Struct({
  gpuCount: Schema.Int,
  image: text,
  cloudType: CloudType,
  spot: Schema.Boolean,
  ports: Schema.Array(Schema.Struct({ port: Schema.Int, protocol: PortProtocol, symmetric: Schema.Boolean })),
  /** Names of the environment variables; their values are in memory only. */
  envNames: Schema.Array(Schema.String),
  volumeGb: count,
  containerDiskGb: count,
  networkVolumeId: text,
  templateId: text,
  name: text,
  auth: AuthScheme,
  /** Without the entries named in `withheld`. */
  providerOpts: Schema.Record(Schema.String, Schema.Json),
  /** Paths inside the request's `providerOpts` that look like credentials and are not stored. */
  withheld: Schema.Array(Schema.String),
  command: Schema.NullOr(Schema.Array(Schema.String)),
  selfTerminate: Schema.Boolean
})

/**
 * @category models
 * @since 0.1.0
 */
export type RentRequest = typeof RentRequest.Type

/**
 * Whether the machine runs a command that ends the machine: then a wrapper runs it, and says how it ended.
 *
 * @category guards
 * @since 0.1.0
 */
export const endsItsMachine = ({ command, selfTerminate }: Pick<RentRequest, "command" | "selfTerminate">): boolean =>
  (command ?? []).length > 0 && selfTerminate

/** Names under which some cloud's options hold a credential. */
const secretName = /token|secret|passw|(?:api|access)[_-]?key|credential|auth|private|signature|presigned/i

/** Whether a value is a URL that grants access by itself: it contains a password, or it is signed. */
const grantsAccess = (value: Schema.Json): boolean =>
  typeof value === "string" &&
  (/^[a-z][a-z0-9+.-]*:\/\/[^/?#\s]*@/i.test(value) ||
    /^[a-z][a-z0-9+.-]*:\/\/[^?\s]*\?(?:.*&)?(?:[\w-]*(?:signature|token|secret|credential)[\w-]*|sig)=/i.test(value))

const isObject = (value: Schema.Json): value is { readonly [key: string]: Schema.Json } =>
  typeof value === "object" && value !== null && !Array.isArray(value)

interface Scrubber {
  readonly isSecret: (name: string) => boolean
  /** Paths of the values that were left out. */
  readonly withheld: Array<string>
}

/** One value without the secrets in it; an empty list when the value itself is a secret. */
const scrub = (value: Schema.Json, path: string, scrubber: Scrubber): ReadonlyArray<Schema.Json> => {
  if (grantsAccess(value)) {
    scrubber.withheld.push(path)
    return []
  }
  if (Array.isArray(value)) {
    return [value.flatMap((item: Schema.Json, index) => scrub(item, `${path}[${index}]`, scrubber))]
  }
  return [isObject(value) ? scrubRecord(value, path, scrubber) : value]
}

const scrubRecord = (
  record: { readonly [key: string]: Schema.Json },
  path: string,
  scrubber: Scrubber
): { readonly [key: string]: Schema.Json } =>
  Object.fromEntries(
    Object.entries(record).flatMap(([key, value]) => {
      const at = path === "" ? key : `${path}.${key}`
      if (scrubber.isSecret(key)) {
        scrubber.withheld.push(at)
        return []
      }
      return scrub(value, at, scrubber).map((kept) => [key, kept])
    })
  )

/**
 * A checked request as it may be stored: without entries whose name looks like a credential or is one of `withhold`, and
 * without URLs that grant access.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromRequest = (request: ComputeRequest, withhold: ReadonlyArray<string> = []): RentRequest => {
  const withheld: Array<string> = []
  const named = new Set(withhold.map((name) => name.toLowerCase()))
  const isSecret = (name: string): boolean => secretName.test(name) || named.has(name.toLowerCase())
  const providerOpts = scrubRecord(request.providerOpts, "", { isSecret, withheld })
  return {
    gpuCount: request.gpuCount,
    image: request.image,
    cloudType: request.cloudType,
    spot: request.spot,
    ports: request.ports.map(({ port, protocol, symmetric }) => ({ port, protocol, symmetric })),
    envNames: Object.keys(request.env),
    volumeGb: request.volumeGb,
    containerDiskGb: request.containerDiskGb,
    networkVolumeId: request.networkVolumeId,
    templateId: request.templateId,
    name: request.name,
    auth: request.auth,
    providerOpts,
    withheld,
    command: request.command,
    selfTerminate: request.selfTerminate
  }
}

const decode = decoder(ComputeRequest)

/**
 * The request for one candidate, checked again, with the secrets that the host gives back.
 *
 * **Details**
 *
 * `secrets.providerOpts` replaces whole entries, so an entry of which a part was withheld must be given whole.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toRequest = (
  request: RentRequest,
  candidate: Candidate,
  secrets: {
    readonly env: Readonly<Record<string, string | Redacted.Redacted>>
    readonly providerOpts: Readonly<Record<string, Schema.Json>>
  }
): Effect.Effect<ComputeRequest, AtlasError> => {
  const { envNames: _, withheld: __, ...rest } = request
  const { gpu, regionHints } = candidate
  const providerOpts = { ...request.providerOpts, ...secrets.providerOpts }
  return decode({ ...rest, gpu, regionHints, env: secrets.env, providerOpts }, "spawn", candidate.provider)
}
