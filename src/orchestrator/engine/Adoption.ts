/**
 * What is stored is taken up again; a store that cannot be read keeps nobody from working, and is asked again.
 */
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type { AtlasError } from "../../domain/AtlasError.ts"
import type { ProviderId } from "../../domain/Ids.ts"
import type { Owner } from "../../provider/NameStamp.ts"
import * as Metrics from "../../telemetry/OrchestratorMetrics.ts"
import { placesOf } from "../session/State.ts"
import type { SessionStore, Unreadable } from "../SessionStore.ts"
import type { Mailbox } from "./Mailbox.ts"
import { forgetful, type Table } from "./Table.ts"

/** How often a store that could not be read is asked again. */
const readAgain = Schedule.spaced("10 seconds")

/** Stands for all rows of a store that could not be read at all. */
const everything = "*"

/**
 * Takes up what is stored, now or as soon as the store can be read; answers a look at what could not be read so far.
 */
export const start = ({ isAtHand, mailbox, owner, scope, store, table }: {
  readonly owner: Owner
  /** Whether a provider can be asked at all. */
  readonly isAtHand: (provider: ProviderId) => boolean
  readonly store: Pick<SessionStore["Service"], "load">
  readonly table: Table
  readonly mailbox: Mailbox
  readonly scope: Scope.Scope
}): Effect.Effect<() => ReadonlyArray<Unreadable>> =>
  Effect.gen(function*() {
    let unreadable: ReadonlyArray<Unreadable> = []

    const adopt = Effect.gen(function*() {
      const loaded = yield* store.load(owner)
      unreadable = loaded.unreadable
      const adopted = loaded.sessions.filter(({ spec }) => table.get(spec.id) === undefined)
      for (const state of adopted) {
        table.put(state, forgetful)
        mailbox.put({ id: state.spec.id, event: { _tag: "Adopted" } })
      }
      const strangers = new Map<ProviderId, number>()
      for (const id of adopted.flatMap(placesOf)) {
        if (!isAtHand(id)) strangers.set(id, (strangers.get(id) ?? 0) + 1)
      }
      for (const [id, count] of strangers) {
        yield* Effect.logError(
          `${count} stored sessions have or may have machines at ${id}, which is not set up here: ` +
            "they are kept, and cannot be ended until it is"
        )
      }
      if (adopted.length > 0) yield* Metric.update(Metric.withAttributes(Metrics.adopted, { owner }), adopted.length)
      for (const { id, message } of unreadable) {
        yield* Effect.logError(
          `the stored session ${id} cannot be read (${message}): nothing unknown is deleted meanwhile`
        )
      }
    }).pipe(Effect.withSpan("SessionEngine.adopt", { root: true }))

    const later = ({ reason }: AtlasError) => {
      unreadable = [{ id: everything, message: reason.message }]
      return Effect.logError(
        `the stored sessions cannot be read and are not adopted yet, and nothing unknown is deleted: ${reason.message}`
      ).pipe(
        Effect.andThen(Effect.delay(Effect.retry(adopt, readAgain), "10 seconds")),
        Effect.andThen(Effect.logInfo("the stored sessions could be read at last and are adopted")),
        Effect.ignore,
        Effect.forkIn(scope),
        Effect.asVoid
      )
    }

    yield* Effect.catch(adopt, later)
    return () => unreadable
  })
