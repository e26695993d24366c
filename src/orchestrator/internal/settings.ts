/** Settings of an orchestrator, checked before anything runs. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { AtlasError } from "../../domain/AtlasError.ts"
import { decoder, PositiveDuration } from "../../domain/Decode.ts"
import { Owner } from "../../provider/NameStamp.ts"
import type { Options, WatchOptions } from "../Orchestrator.ts"

const decodeOwner = decoder(Owner, "owner")
const decodeNames = decoder(Schema.Array(Schema.NonEmptyString), "withhold")

const checkDurations = <Field extends string>(
  given: Readonly<Partial<Record<Field, unknown>>>,
  fields: ReadonlyArray<Field>
) =>
  Effect.forEach(
    fields,
    (field) =>
      given[field] === undefined
        ? Effect.void
        : Effect.asVoid(decoder(PositiveDuration, field)(given[field], "orchestrator")),
    { discard: true }
  )

export const checkWatch = (options: WatchOptions): Effect.Effect<void, AtlasError> =>
  Effect.andThen(
    checkDurations(options, ["pollInterval", "reapGrace"]),
    Effect.asVoid(decodeNames(options.withhold ?? [], "orchestrator"))
  )

export const checkEngine = (options: Options): Effect.Effect<Owner, AtlasError> =>
  Effect.andThen(checkDurations(options, ["retention", "closeWithin"]), decodeOwner(options.owner, "orchestrator"))
