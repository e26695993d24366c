/**
 * What to say when a provider refuses a GPU: whether it is one of its types at all and which may be meant, and who else has it.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { AtlasError, NoCapacity, Validation } from "../domain/AtlasError.ts"
import type { CloudType } from "../domain/Gpu.ts"
import * as GpuCatalog from "../domain/GpuCatalog.ts"
import type { CallOptions } from "../provider/Call.ts"
import type { Service } from "../provider/Provider.ts"

interface Asked {
  readonly gpu: ReadonlyArray<string>
  readonly cloud: Option.Option<CloudType>
  readonly call: Pick<CallOptions, "baseUrl">
}

/** Whether third parties have one of these as well, whose machines `any` leaves out where the provider has its own. */
const isOthersToo = (provider: Service, { call: { baseUrl }, cloud, gpu }: Asked) =>
  Option.getOrElse(cloud, () => "any") !== "any"
    ? Effect.succeed(false)
    : provider.gpus.list({ baseUrl }).pipe(
      Effect.map((listed) =>
        listed.some(({ canonical, clouds, id }) =>
          gpu.some((name) => name === id || name === canonical)
          && (["secure", "community"] as const).every((one) => clouds.some(({ cloudType }) => cloudType === one))
        )
      ),
      Effect.orElseSucceed(() => false)
    )

/** What to write instead of a name that its provider does not list; null where that is not what is wrong. */
const unlisted = (provider: Service, { call: { baseUrl }, gpu }: Asked) =>
  Effect.gen(function*() {
    // the failure is the last candidate's
    const name = gpu.at(-1)
    if (name === undefined) return null
    const catalog = yield* GpuCatalog.inUse(provider.cloud, provider.gpuNames)
    if (GpuCatalog.nativeId(catalog, provider.cloud, name) !== null) return null
    const listed = yield* Effect.orElseSucceed(provider.gpus.list({ baseUrl }), () => null)
    if (listed === null || listed.some(({ id }) => id === name)) return null
    const near = GpuCatalog.suggest(catalog, name, provider.cloud)
    const guess = near.length === 0 ? "" : `; did you mean ${near.join(" or ")}?`
    const message = `${provider.id} has no ${name}${guess}; \`atlas gpus\` lists what it has`
    return new Validation({ issues: [{ path: "gpu", message }] })
  })

const better = (provider: Service, asked: Asked, reason: AtlasError["reason"]) =>
  Effect.gen(function*() {
    if (reason._tag === "ProviderFault") return yield* unlisted(provider, asked)
    if (reason._tag !== "NoCapacity" || !(yield* isOthersToo(provider, asked))) return null
    const message = `${reason.message} (third parties may have it: --cloud community)`
    return new NoCapacity({ ...reason, message })
  })

/**
 * A name written as the provider writes its own is sent as it is, since the provider may have more than this program knows. If it is
 * refused and the provider does not list it, the failure says so and what is near.
 */
export const orSuggest =
  (provider: Service, asked: Asked) => <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E | AtlasError, R> =>
    Effect.catchCause(self, (cause) =>
      Effect.gen(function*() {
        const [failure, ...others] = cause.reasons
        const error = failure !== undefined && others.length === 0 && Cause.isFailReason(failure) ? failure.error : null
        if (!(error instanceof AtlasError)) return yield* Effect.failCause(cause)
        const reason = yield* better(provider, asked, error.reason)
        if (reason === null) return yield* Effect.failCause(cause)
        return yield* new AtlasError({ provider: error.provider, operation: error.operation, reason })
      }))
