/**
 * What a user calls a compute, and which one that is: its id, its slug (the human part of its name), or the beginning of either.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Atlas from "../Atlas.ts"
import { type AtlasError, invalid } from "../domain/AtlasError.ts"
import * as ForeignText from "../domain/ForeignText.ts"
import type { ProviderId } from "../domain/Ids.ts"
import type { Listing } from "../provider/Listing.ts"
import * as NameStamp from "../provider/NameStamp.ts"
import { Providers } from "../provider/Providers.ts"
import { OwnerStore } from "./OwnerStore.ts"

/** One thing that can be meant; its id or name is null where the provider does not tell it in a form that we know. */
export interface Candidate {
  readonly id: string | null
  readonly name: string | null
  /** Meant only where nothing that goes on is. */
  readonly isOver: boolean
}

/** More would hide the sentence they stand in. */
const shownCandidates = 10
const shortestBeginning = 2

const stampOf = ({ name }: Candidate) => NameStamp.parse(name ?? "")

/** The human part of a name: the slug of a stamped one, the whole of any other. */
export const slugOf = (name: string): string => NameStamp.parse(name)?.slug ?? name

const described = (candidate: Candidate): string => {
  const { id, name } = candidate
  const shown = id === null ? "one without a usable id" : ForeignText.line(id, { max: 128 })
  return name === null ? shown : `${shown} (${ForeignText.line(slugOf(name), { max: 60 }) || "?"})`
}

/** Some candidates in a sentence. */
export const describe = (candidates: ReadonlyArray<Candidate>): string => {
  const left = candidates.length - shownCandidates
  return candidates.slice(0, shownCandidates).map(described).join(", ") + (left > 0 ? ` and ${left} more` : "")
}

const isWhole = (typed: string) => (candidate: Candidate): boolean =>
  candidate.id === typed || candidate.name === typed || (candidate.name !== null && slugOf(candidate.name) === typed)

/** Where ids are counted, 1234 is not the beginning of 12345: it is the id of another machine, which may be gone. */
const cutsNumber = (typed: string, rest: string): boolean => /\d$/.test(typed) && /^\d+$/.test(rest)

const begins = (typed: string, text: string | null): boolean =>
  text !== null && typed.length >= shortestBeginning && text.startsWith(typed)
  && !cutsNumber(typed, text.slice(typed.length))

/** How a choice is made. */
export interface Choosing {
  /** What all ids may begin with, which therefore names none. */
  readonly common: string
  /** Whether the choice is acted on, so that only what is certainly meant may be chosen. */
  readonly acts: boolean
  /** Whether a candidate is of the user; asked only where it matters. */
  readonly isOwn: (candidate: Candidate) => boolean
}

/**
 * The one candidate that is meant, null where none is, or why it cannot be told.
 *
 * A whole name comes before a beginning, what goes on before what is over, and one's own of a name before another owner's. What
 * is acted on is never chosen by the beginning of a slug, since a name that is used again and again would then mean another
 * machine as soon as its own is gone; it goes on, and bears a name that atlas gave it for this user.
 */
export const choose = (
  typed: string,
  candidates: ReadonlyArray<Candidate>,
  { acts, common, isOwn }: Choosing
): Result.Result<Candidate | null, string> => {
  const exact = candidates.find(({ id }) => id === typed)
  if (exact !== undefined) return Result.succeed(exact)
  const isBeginning = ({ id, name }: Candidate) =>
    (!common.startsWith(typed) && begins(typed, id)) || (!acts && begins(typed, name === null ? null : slugOf(name)))
  const whole = isWhole(typed)
  const groups = [false, true].flatMap((isOver) => {
    const these = candidates.filter((one) => one.isOver === isOver)
    const named = these.filter(whole)
    const own = named.length > 1 ? named.filter(isOwn) : []
    return isOver && acts ? [] : [own.length > 0 ? own : named, these.filter(isBeginning)]
  })
  const [first, ...others] = groups.find((group) => group.length > 0) ?? []
  if (first === undefined) return Result.succeed(null)
  if (others.length > 0) {
    return Result.fail(`${JSON.stringify(typed)} may be any of: ${describe([first, ...others])}; give the id`)
  }
  if (first.id === null) {
    return Result.fail(`${JSON.stringify(typed)} is ${describe([first])}, so nothing can be asked of it`)
  }
  if (acts && !isOwn(first)) {
    const why = stampOf(first) === null ? "a machine that atlas did not rent" : "another owner's"
    return Result.fail(`${JSON.stringify(typed)} is ${why}: ${describe([first])}; give its whole id if you mean it`)
  }
  return Result.succeed(first)
}

const candidatesOf = ({ computes, unaddressable }: Listing): ReadonlyArray<Candidate> => [
  ...computes.map(({ id, name, status }) => ({ id, name, isOver: status === "terminated" })),
  ...unaddressable.map(({ name }) => ({ id: null, name, isOver: false }))
]

/** Whether a compute is of the owner of this command line, or of a plain `atlas up`, which names no owner. */
const ownedBy = (owner: string | null) => (candidate: Candidate): boolean => {
  const stamp = stampOf(candidate)
  return stamp !== null && (NameStamp.isAdhoc(stamp) || stamp.owner === owner)
}

/** The owner of this command line, looked up only for computes that name one; null where it cannot be read. */
const ownerAmong = (candidates: ReadonlyArray<Candidate>) =>
  candidates.map(stampOf).some((stamp) => stamp !== null && !NameStamp.isAdhoc(stamp))
    ? Effect.flatMap(
      OwnerStore,
      (stored) => Effect.match(stored, { onSuccess: ({ owner }) => owner, onFailure: () => null })
    )
    : Effect.succeed(null)

/** Whether a provider says that there is no compute of this id, or that this is none of its ids. */
const isNoId = ({ reason, status }: AtlasError): boolean =>
  reason._tag === "NotFound" || status === 400 || status === 422

/**
 * A function from what was typed to the id that is meant.
 *
 * A compute whose id was typed is found by one look, so that an id always wins and works while the account cannot be listed. What
 * nothing is called stays as it was typed: the call that gets it says that it is not there. The account is listed once, however
 * many names are typed.
 */
export const resolver = (
  operation: string,
  call: Atlas.Options,
  { acts }: { readonly acts: boolean }
) =>
  Effect.gen(function*() {
    const listing = yield* Effect.cached(Effect.gen(function*() {
      const provider = yield* Effect.flatMap(Providers, ({ get }) => get(call.provider, operation))
      const { provider: _, ...options } = call
      const candidates = candidatesOf(yield* provider.compute.listAll({}, options))
      return { provider, candidates, isOwn: ownedBy(yield* ownerAmong(candidates)) }
    }))
    const byName = (typed: string) =>
      Effect.flatMap(listing, ({ candidates, isOwn, provider }) =>
        Result.match(choose(typed, candidates, { acts, common: `${provider.cloud}-`, isOwn }), {
          onSuccess: (chosen) =>
            Effect.succeed(chosen?.id ?? typed),
          onFailure: (message) => Effect.fail(refused(operation, message, provider.id))
        }))
    return (typed: string) =>
      Effect.flatMap(
        Effect.result(Atlas.getCompute(typed, call)),
        (looked) =>
          Result.isFailure(looked) && isNoId(looked.failure) ? byName(typed) : Effect.succeed(typed)
      )
  })

const refused = (operation: string, message: string, provider: ProviderId | null): AtlasError =>
  invalid(operation, [{ path: "id", message }], provider)

/** The id of the one compute that was typed. */
export const resolve = (
  typed: string,
  operation: string,
  call: Atlas.Options,
  options: { readonly acts: boolean }
) => Effect.flatMap(resolver(operation, call, options), (idOf) => idOf(typed))
