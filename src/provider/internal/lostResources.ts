/** By what a volume and a template are found again whose create was not answered. */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type { AtlasErrorReason } from "../../domain/AtlasError.ts"
import type { NetworkVolume, NetworkVolumeRequest, Template, TemplateRequest } from "../../domain/Resources.ts"
import type { Call } from "../Call.ts"
import { once, type Search } from "../LostCreate.ts"

interface Asked<A> {
  readonly create: Effect.Effect<A, AtlasErrorReason>
  readonly list: Effect.Effect<ReadonlyArray<A>, AtlasErrorReason>
}

/** A create that ends with a limit of its caller is not looked for: there is no time for that. */
const within = <A>(search: Search<A>, create: Effect.Effect<A, AtlasErrorReason>, { timeout }: Call) =>
  timeout === null ? once(search, create) : create

export const volume = (
  { name, region, sizeGb }: NetworkVolumeRequest,
  { create, list }: Asked<NetworkVolume>,
  call: Call,
  settleWindow: Duration.Duration
): Effect.Effect<NetworkVolume, AtlasErrorReason> =>
  within(
    {
      what: `a network volume called ${name} of ${sizeGb} GB${region === null ? "" : ` in ${region}`}`,
      list,
      isWanted: (one) => one.name === name && one.sizeGb === sizeGb && (region === null || one.region === region),
      idOf: ({ id }) => id,
      settleWindow
    },
    create,
    call
  )

export const template = (
  { image, name }: TemplateRequest,
  { create, list }: Asked<Template>,
  call: Call,
  settleWindow: Duration.Duration
): Effect.Effect<Template, AtlasErrorReason> =>
  within(
    {
      what: `a template called ${name} of ${image}`,
      list,
      isWanted: (one) => one.name === name && one.image === image,
      idOf: ({ id }) => id,
      settleWindow
    },
    create,
    call
  )
