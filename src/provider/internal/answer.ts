/** What a create was answered with, when that is not the compute that was asked for. */
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Uncertain } from "../../domain/AtlasError.ts"
import type { Compute } from "../../domain/Compute.ts"
import { ComputeId } from "../../domain/Ids.ts"
import type { Rent } from "../Adapter.ts"
import * as NameStamp from "../NameStamp.ts"

const isComputeId = Schema.is(ComputeId)

/** The clocks of a provider and of this machine may be this far apart. */
const skew = Duration.toMillis(Duration.minutes(5))

export const isOurs = (rent: Rent, made: Compute): boolean => made.name === rent.name && isComputeId(made.id)

const bare = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, "")

/** Nobody else's name holds the attempt, however the provider wrote it. */
const bearsAttempt = ({ stamp }: Rent, { name }: Compute): boolean =>
  name !== null && bare(name).includes(stamp.attempt)

/** Whether it certainly is somebody else's, or was there before. */
const isForeign = ({ createdAt, name }: Compute, sentAt: number): boolean =>
  Option.isSome(NameStamp.parse(name ?? "")) ||
  (createdAt !== null && DateTime.toEpochMillis(createdAt) < sentAt - skew)

/**
 * An answer about another compute than the one asked for is no answer: ours is looked for by its name. What it names is told
 * unless it is foreign for certain, and as `lastSeen` only where it is ours for certain: that one may be ended.
 */
export const strange = (rent: Rent, made: Compute, sentAt: number): Uncertain => {
  const known = { computeName: rent.name, message: "the create was answered with another compute" }
  if (!isComputeId(made.id) || made.name === rent.name) return new Uncertain(known)
  const message = `the create was answered with ${made.id}, which is called ${
    made.name ?? "nothing"
  } and not ${rent.name}`
  const named = { ...known, computeId: made.id, message }
  if (bearsAttempt(rent, made)) return new Uncertain({ ...named, lastSeen: made })
  return new Uncertain(isForeign(made, sentAt) ? known : named)
}
