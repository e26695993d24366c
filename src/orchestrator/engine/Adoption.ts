/**
 * Takes over the sessions that an earlier process of the owner has left in the store.
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
import type { SessionStore, Unreadable } from "../store/StoreContract.ts"
import type * as Mailbox from "./Mailbox.ts"
import * as Table from "./Table.ts"

/** How often a store that could not be read is read again. */
const retryLoad = Schedule.spaced("10 seconds")

/** Stands for all rows of a store that could not be read at all. */
export const allRows = "*"

/**
 * Adopts the stored sessions, now or as soon as the store can be read; answers what could not be read so far.
 */
export const adoptStored = ({ isSetUp, mailbox, owner, scope, store, table }: {
  readonly owner: Owner
  /** Whether a provider is set up here. */
  readonly isSetUp: (provider: ProviderId) => boolean
  readonly store: Pick<SessionStore["Service"], "load">
  readonly table: Table.Table
  readonly mailbox: Mailbox.Mailbox
  readonly scope: Scope.Scope
}): Effect.Effect<() => ReadonlyArray<Unreadable>> =>
  Effect.gen(function*() {
    let unreadable: ReadonlyArray<Unreadable> = []

    const adopt = Effect.gen(function*() {
      const loaded = yield* store.load(owner)
      unreadable = loaded.unreadable
      const adopted = loaded.sessions.filter(({ spec }) => table.get(spec.id) === undefined)
      for (const state of adopted) {
        table.put(state, Table.emptyMemory)
        mailbox.put({ id: state.spec.id, event: { _tag: "Adopted" } })
      }
      const unreachable = new Map<ProviderId, number>()
      for (const id of adopted.flatMap(placesOf)) {
        if (!isSetUp(id)) unreachable.set(id, (unreachable.get(id) ?? 0) + 1)
      }
      for (const [id, count] of unreachable) {
        yield* Effect.logError(
          `${count} stored sessions have or may have machines at ${id}, which is not set up here: ` +
            "they stay in the store, and their machines cannot be ended until it is"
        )
      }
      if (adopted.length > 0) yield* Metric.update(Metric.withAttributes(Metrics.adopted, { owner }), adopted.length)
      for (const { id, message } of unreadable) {
        yield* Effect.logError(
          `the stored session ${id} cannot be read (${message}): no unknown machine is deleted meanwhile`
        )
      }
    }).pipe(Effect.withSpan("SessionEngine.adopt", { root: true }))

    const later = ({ reason }: AtlasError) => {
      unreadable = [{ id: allRows, message: reason.message }]
      return Effect.logError(
        `the stored sessions cannot be read and are not adopted yet, and no unknown machine is deleted: ${reason.message}`
      ).pipe(
        Effect.andThen(Effect.delay(Effect.retry(adopt, retryLoad), "10 seconds")),
        Effect.andThen(Effect.logInfo("the stored sessions could be read now and are adopted")),
        Effect.ignore,
        Effect.forkIn(scope),
        Effect.asVoid
      )
    }

    yield* Effect.catch(adopt, later)
    return () => unreadable
  })
