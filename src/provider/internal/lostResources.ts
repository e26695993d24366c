/** By what a volume and a template are found again whose create was not answered. */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type { AtlasErrorReason } from "../../domain/AtlasError.ts"
import type { NetworkVolume, NetworkVolumeRequest, Template, TemplateRequest } from "../../domain/Resources.ts"
import type { Call } from "../Call.ts"
import { once, type Search } from "../LostCreate.ts"

export type Wanted<A> = Pick<Search<A>, "what" | "isWanted">

/** A create that ends with a limit of its caller is not looked for: there is no time for that. */
export const create = <A extends { readonly id: string }>(
  wanted: Wanted<A>,
  { create, list }: Pick<Search<A>, "list"> & { readonly create: Effect.Effect<A, AtlasErrorReason> },
  { timeout }: Call,
  settleWindow: Duration.Duration
): Effect.Effect<A, AtlasErrorReason> =>
  timeout === null ? once({ ...wanted, list, idOf: ({ id }) => id, settleWindow }, create) : create

export const volume = ({ name, region, sizeGb }: NetworkVolumeRequest): Wanted<NetworkVolume> => ({
  what: `a network volume called ${name} of ${sizeGb} GB${region === null ? "" : ` in ${region}`}`,
  isWanted: (one) => one.name === name && one.sizeGb === sizeGb && (region === null || one.region === region)
})

export const template = ({ image, name }: TemplateRequest): Wanted<Template> => ({
  what: `a template called ${name} of ${image}`,
  isWanted: (one) => one.name === name && one.image === image
})
