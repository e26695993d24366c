/**
 * The name of every rented compute, by which the library recognises its own: `atlas-<owner>-<slug>-<attempt><store>`.
 *
 * A lost answer is resolved by looking for the name, and nothing without our stamp is ever ended by a clean-up.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Entropy from "../domain/Entropy.ts"
import * as Hash from "../domain/Hash.ts"

const attemptLength = 12
const slugLength = 24

/** The owner of computes rented without an orchestrator. No configuration can name it and no clean-up claims it. */
const stateless = "adhoc"

const pattern = /^atlas-([a-z0-9]{1,16})-([a-z0-9](?:[a-z0-9-]{0,22}[a-z0-9])?)-([a-z2-7]{12})([a-z2-7]{4})?$/

/**
 * The owner in a stamped name: 1 to 16 of `a-z 0-9`, but not `adhoc`, which stands for spawns without an orchestrator.
 *
 * @category models
 * @since 0.1.0
 */
export const Owner = /* @__PURE__ */ Schema.String.check(
  /* @__PURE__ */ Schema.makeFilter((owner: string) => /^[a-z0-9]{1,16}$/.test(owner) && owner !== stateless, {
    expected: "1 to 16 of a-z and 0-9, but not \"adhoc\""
  })
).pipe(/* @__PURE__ */ Schema.brand("Owner"))

/**
 * @category models
 * @since 0.1.0
 */
export type Owner = typeof Owner.Type

/**
 * The parts of a stamped name.
 *
 * @category models
 * @since 0.1.0
 */
export interface NameStamp {
  /** An {@link Owner}, or `adhoc`. */
  readonly owner: string
  /** At most 24 characters made from the caller's name. */
  readonly slug: string
  /** 12 base32 characters that no other spawn has. */
  readonly attempt: string
  /**
   * The {@link storeMark} of the session store that has the attempt on record. Left out for a spawn without an orchestrator, and
   * where the store has no identity.
   */
  readonly store?: string | undefined
}

/**
 * Whether a stamp is that of a spawn without an orchestrator.
 *
 * @category guards
 * @since 0.1.0
 */
export const isAdhoc = ({ owner }: NameStamp): boolean => owner === stateless

/**
 * Whether a name is one stamped without an orchestrator.
 *
 * @category guards
 * @since 0.1.0
 */
export const isAdhocName = (name: string): boolean => parse(name)?.owner === stateless

/**
 * A caller's name as it is in a stamp: lower case, `a-z 0-9 -`, at most 24 characters; `compute` when nothing is left.
 *
 * **Example** (A name with spaces)
 *
 * ```ts
 * import { NameStamp } from "effect-atlas"
 *
 * NameStamp.slugify("Alice's GPU!") // "alice-s-gpu"
 * ```
 *
 * @category naming
 * @since 0.1.0
 */
export const slugify = (name: string): string =>
  name.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-+/, "").slice(0, slugLength).replace(/-+$/, "") || "compute"

/**
 * The stamp as the name that is rented under; 64 characters at most.
 *
 * @category naming
 * @since 0.1.0
 */
export const render = ({ attempt, owner, slug, store = "" }: NameStamp): string =>
  `atlas-${owner}-${slug}-${attempt}${store}`

/**
 * How a session store is told apart in a stamped name: 4 base32 characters that depend on its identity alone.
 *
 * **Details**
 *
 * Two stores under one owner would each take what the other rented for orphans. One pair in a million has the same mark.
 *
 * @category naming
 * @since 0.1.0
 */
export const storeMark = (identity: string): string => {
  const [word] = Hash.mix(identity)
  return [0, 5, 10, 15].map((shift) => Entropy.base32[(word >>> shift) & 31]).join("")
}

/**
 * Reads a stamped name back; null for any other name.
 *
 * **Example** (Ours or not)
 *
 * ```ts
 * import { NameStamp } from "effect-atlas"
 *
 * NameStamp.parse("atlas-adhoc-web-abcdefghijkl") // { owner: "adhoc", slug: "web", attempt: "abcdefghijkl" }
 * NameStamp.parse("my-database") // null
 * ```
 *
 * @category naming
 * @since 0.1.0
 */
export const parse = (name: string): NameStamp | null => {
  const match = pattern.exec(name)
  if (match === null) return null
  const [, owner = "", slug = "", attempt = "", store] = match
  return store === undefined ? { owner, slug, attempt } : { owner, slug, attempt, store }
}

/**
 * Whether a compute's name is the wanted one: the stamped name itself, or one stamped from it.
 *
 * @category naming
 * @since 0.1.0
 */
export const matches = (wanted: string, name: string | null): boolean => {
  if (name === null) return false
  if (name === wanted) return true
  // a whole stamped name asks for one spawn; its slug would be a different question
  if (parse(wanted) !== null) return false
  return parse(name)?.slug === slugify(wanted)
}

/**
 * The names by which a compute is recognised: the one it has, and the one its provider says it was rented under.
 *
 * @category models
 * @since 0.1.0
 */
export interface Named {
  readonly name: string | null
  readonly rentedAs: string | null
}

/**
 * Whether a compute was rented under this stamped name and has been renamed since, to a name that is no stamp.
 *
 * **Gotchas**
 *
 * A copy that a person made of a machine, with all that its container gets, is told apart from a renamed machine by nothing but
 * its age. This answers a create that was lost; it is no reason to end a compute while another bears the name.
 *
 * @category naming
 * @since 0.1.0
 */
export const isRenamed = (stamped: string, { name, rentedAs }: Named): boolean =>
  rentedAs === stamped && parse(name ?? "") === null

/**
 * The stamp of a compute: that of its name, and where its name is no stamp, the one it was rented under; null where neither is.
 *
 * @category naming
 * @since 0.1.0
 */
export const of = ({ name, rentedAs }: Named): NameStamp | null => parse(name ?? "") ?? parse(rentedAs ?? "")

/**
 * A new attempt: 12 base32 characters from the system's random source.
 *
 * @category naming
 * @since 0.1.0
 */
export const attempt: Effect.Effect<string> = Entropy.word(attemptLength)

/**
 * A new stamp for an owner's spawn.
 *
 * @category naming
 * @since 0.1.0
 */
export const make = (owner: Owner, name: string | null): Effect.Effect<NameStamp> => stamped(owner, name)

/**
 * A new stamp for a spawn without an orchestrator; its owner is `adhoc`.
 *
 * @category naming
 * @since 0.1.0
 */
export const adhoc = (name: string | null): Effect.Effect<NameStamp> => stamped(stateless, name)

const stamped = (owner: string, name: string | null): Effect.Effect<NameStamp> =>
  Effect.map(attempt, (attempt) => ({ owner, slug: slugify(name ?? ""), attempt }))
