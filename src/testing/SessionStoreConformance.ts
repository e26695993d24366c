/**
 * What every session store promises, as cases to run: on the ones of this library, and on one of your own.
 *
 * A case is a name in plain words and an effect. Nothing here needs a test framework; `suite` uses the one it is given.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type { AtlasError } from "../domain/AtlasError.ts"
import * as Entropy from "../domain/Entropy.ts"
import { AttemptId, SessionId } from "../orchestrator/Session.ts"
import { loadAll, SessionStore } from "../orchestrator/SessionStore.ts"
import { Owner } from "../provider/NameStamp.ts"
import { bind, type Framework, limited, opened, type Report, report, type Suite } from "./internal/runner.ts"
import { sessionAttemptCases } from "./internal/sessionAttemptCases.ts"
import { sessionLockCases } from "./internal/sessionLockCases.ts"
import { sessionStoreCases } from "./internal/sessionStoreCases.ts"
import type { Definition, Spoilt, Store } from "./internal/sessionTrial.ts"
import { type ConformanceFailure, fail } from "./internal/trial.ts"

export type { Report } from "./internal/runner.ts"

/**
 * What the suite must know of a store; everything may be left out.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** The same store opened anew, as a second process would; without it those cases are skipped. */
  readonly again?: Layer.Layer<SessionStore, unknown> | undefined
  /** Spoils the stored row of a session behind the store's back; without it those cases are skipped. */
  readonly spoil?: ((id: SessionId, how: Spoilt) => Effect.Effect<void>) | undefined
}

/**
 * One promise and how to see that it is kept. It uses owners of its own and deletes what it commits.
 *
 * @category models
 * @since 0.1.0
 */
export interface Case {
  /** In plain words: what holds when it passes. */
  readonly name: string
  /** Why it does not apply with these options; null when it does. */
  readonly skipped: string | null
  readonly run: Effect.Effect<void, ConformanceFailure | AtlasError, SessionStore>
}

/** The most one case may take; a test has more, since what ran into its limit still closes its layer. */
const timeLimit = Duration.minutes(1)
const testLimit = Duration.seconds(90)

/** Remembers the version each row was written at, so that a row can be deleted even if it cannot be read. */
const remembering = (
  store: Store,
  owners: ReadonlyArray<Owner>
): { readonly store: Store; readonly clean: Effect.Effect<void> } => {
  const written = new Map<SessionId, number>()
  const commit: Store["commit"] = (owner, writes) =>
    Effect.tap(store.commit(owner, writes), (lost) =>
      Effect.sync(() => {
        for (const { id, version } of writes) if (!lost.includes(id)) written.set(id, version + 1)
      }))
  const clean = Effect.suspend(() =>
    Effect.forEach(owners, (owner) =>
      Effect.gen(function*() {
        const { sessions } = yield* loadAll(store, owner)
        const rows = [...written, ...sessions.map(({ spec, version }) => [spec.id, version] as const)]
        yield* store.commit(owner, rows.map(([id, version]) => ({ id, version, state: null })))
      }).pipe(Effect.ignore), { discard: true })
  )
  return { store: { ...store, commit }, clean }
}

/** The nth attempt id that ends a suffix of 9. */
const attemptOf = (suffix: string, number: number): AttemptId =>
  AttemptId.make(suffix + [10, 5, 0].map((shift) => Entropy.base32[(number >> shift) & 31]).join(""))

const prepared = ({ run }: Definition, { again, spoil = () => Effect.void }: Options): Case["run"] =>
  Effect.gen(function*() {
    const suffix = yield* Entropy.word(9)
    const [owner, other] = [Owner.make(`check${suffix}1`), Owner.make(`check${suffix}2`)]
    const { clean, store } = remembering(yield* SessionStore, [owner, other])
    const attempts = new Map<string, AttemptId>()
    yield* run({
      store,
      again: again === undefined ? () => fail("it cannot be opened again") : opened(SessionStore, again),
      spoil,
      owner,
      other,
      id: (name) => SessionId.make(`check-${suffix}-${name}`),
      attempt: (name) => {
        const id = attempts.get(name) ?? attemptOf(suffix, attempts.size)
        attempts.set(name, id)
        return id
      }
    }).pipe(Effect.ensuring(clean))
  }).pipe((run) => limited(run, timeLimit, "a minute"))

/**
 * All cases, as data.
 *
 * **Example** (Their names)
 *
 * ```ts
 * import { SessionStoreConformance } from "effect-atlas/testing"
 *
 * const names = SessionStoreConformance.cases().map((one) => one.name)
 * ```
 *
 * @category cases
 * @since 0.1.0
 */
export const cases = (options: Options = {}): ReadonlyArray<Case> =>
  [...sessionStoreCases, ...sessionAttemptCases, ...sessionLockCases].map((definition) => ({
    name: definition.name,
    skipped: definition.needs === "again" && options.again === undefined
      ? "the options have no again"
      : definition.needs === "spoil" && options.spoil === undefined
      ? "the options have no spoil"
      : null,
    run: prepared(definition, options)
  }))

const suiteOf = (options: Options): Suite<Case, SessionStore> => ({
  title: "SessionStoreConformance",
  subject: "store",
  cases: cases(options),
  skipReason: ({ skipped }) => Effect.succeed(skipped),
  testLimit
})

/**
 * Runs all cases one after the other and reports how each went; never fails.
 *
 * **Example** (On a store of one's own)
 *
 * ```ts
 * import * as SessionStore from "effect-atlas/orchestrator/SessionStore"
 * import { SessionStoreConformance } from "effect-atlas/testing"
 * import * as Effect from "effect/Effect"
 *
 * const report = SessionStoreConformance.run().pipe(Effect.provide(SessionStore.layerMemory))
 * ```
 *
 * @category running
 * @since 0.1.0
 */
export const run = (options: Options = {}): Effect.Effect<Report, never, SessionStore> => report(suiteOf(options))

/**
 * Makes a test of every case, in the framework it is given. Runs on the real clock; builds the layer anew for each case.
 *
 * **Example** (With vitest)
 *
 * ```ts
 * import { describe, it } from "@effect/vitest"
 * import * as SessionStore from "effect-atlas/orchestrator/SessionStore"
 * import { SessionStoreConformance } from "effect-atlas/testing"
 *
 * SessionStoreConformance.suite({ describe, it }, "memory", SessionStore.layerMemory)
 * ```
 *
 * @category binding
 * @since 0.1.0
 */
export const suite = <E>(
  framework: Framework,
  name: string,
  layer: Layer.Layer<SessionStore, E>,
  options: Options = {}
): void => bind(framework, suiteOf(options), name, layer)
