/**
 * What `cloudType: "any"` means at RunPod, which has no such value: its own machines, and those of third parties for a type that it
 * does not sell itself.
 */
import * as Effect from "effect/Effect"
import type { AtlasErrorReason } from "../../../domain/AtlasError.ts"
import { isFields } from "../../../provider/ProviderOpts.ts"
import type { GpuType } from "../RunPodSchema.ts"
import type { Sent } from "./requests.ts"

/** Whether RunPod itself sells none of this type, and third parties do. */
const isOthers = ({ community, price, secure }: GpuType): boolean =>
  (secure !== true || price?.secure === 0) && community === true && price?.community !== 0

/** The same create for the machines of third parties; null where the caller chose the cloud, or rents no GPU by its name. */
const elsewhere = (sent: Sent): { readonly gpu: string; readonly sent: Sent } | null => {
  const { body } = sent
  if (!isFields(body) || Object.hasOwn(body, "cloud")) return null
  const id = isFields(body["gpu"]) ? body["gpu"]["id"] : null
  return typeof id === "string" ? { gpu: id, sent: { ...sent, body: { ...body, cloud: "COMMUNITY" } } } : null
}

/**
 * A create that is sent once more, for third parties' machines, when RunPod has refused it for want of a machine and sells none of the
 * type itself. The refusal is proof that nothing was made.
 */
export const anyCloud = <A>(
  send: (sent: Sent) => Effect.Effect<A, AtlasErrorReason>,
  catalog: Effect.Effect<ReadonlyArray<GpuType>, AtlasErrorReason>
) =>
(sent: Sent): Effect.Effect<A, AtlasErrorReason> =>
  Effect.catchTag(send(sent), "NoCapacity", (refusal) =>
    Effect.gen(function*() {
      const other = elsewhere(sent)
      if (other === null) return yield* refusal
      const types = yield* Effect.orElseSucceed(catalog, () => [])
      return types.some((type) => type.id === other.gpu && isOthers(type))
        ? yield* send(other.sent)
        : yield* refusal
    }))
