/**
 * Takes over the sessions that an earlier process of the owner has left in the store, page by page: what is due is done while
 * the rest loads.
 */
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type { AtlasError } from "../../domain/AtlasError.ts"
import type { ProviderId } from "../../domain/Ids.ts"
import type { Owner } from "../../provider/NameStamp.ts"
import * as Metrics from "../../telemetry/OrchestratorMetrics.ts"
import * as Spans from "../../telemetry/Spans.ts"
import { placesOf, type SessionState } from "../session/State.ts"
import { eachPage } from "../store/pages.ts"
import type { Loaded, SessionStore, Unreadable } from "../store/StoreContract.ts"
import type * as Mailbox from "./Mailbox.ts"
import * as Table from "./Table.ts"

/** How often a store that could not be read is read again. */
const retryLoad = Schedule.spaced("10 seconds")

/** How often rows that could not be read are read again. */
const rereadEvery = "1 minute"

/** Stands for all rows of a store that could not be read at all, or not yet. */
export const allRows = "*"

/** Why rows of the store are not known. */
export const unknownRows = (message: string): Unreadable => ({ id: allRows, message, version: 0, createdAt: null })

/** What an adoption tells the engine. */
export interface Adoption {
  /** Rows that could not be read so far. */
  readonly unreadable: () => ReadonlyArray<Unreadable>
  /** Reads the rows again that could not be read, and adopts those that can be read now. */
  readonly reread: Effect.Effect<void, AtlasError>
}

/**
 * Adopts the stored sessions, now or as soon as the store can be read, and later those whose rows have become readable.
 */
export const adoptStored = ({ isSetUp, mailbox, owner, scope, store, table }: {
  readonly owner: Owner
  /** Whether a provider is set up here. */
  readonly isSetUp: (provider: ProviderId) => boolean
  readonly store: Pick<SessionStore["Service"], "load" | "read">
  readonly table: Table.Table
  readonly mailbox: Mailbox.Mailbox
  readonly scope: Scope.Scope
}): Effect.Effect<Adoption> =>
  Effect.gen(function*() {
    const unreadable = new Map<string, Unreadable>()
    /** Why not every row has been looked at; null when each has. */
    let notLoaded: string | null = "the stored sessions are being read"
    let after = ""

    /** Adopts sessions that are not here. What is here is newer, whatever was read, and whenever. */
    const adopt = (sessions: ReadonlyArray<SessionState>): ReadonlyArray<SessionState> => {
      const adopted = sessions.filter(({ spec }) => table.get(spec.id) === undefined)
      for (const state of adopted) {
        table.put(state, Table.emptyMemory)
        mailbox.put({ id: state.spec.id, event: { _tag: "Adopted" } })
      }
      return adopted
    }

    const take = Effect.fnUntraced(function*(rows: Loaded, unreachable: Map<ProviderId, number>) {
      const adopted = adopt(rows.sessions)
      for (const state of adopted) {
        for (const id of placesOf(state)) {
          if (!isSetUp(id)) unreachable.set(id, (unreachable.get(id) ?? 0) + 1)
        }
      }
      if (adopted.length > 0) yield* Metric.update(Metric.withAttributes(Metrics.adopted, { owner }), adopted.length)
      for (const row of rows.unreadable) {
        if (unreadable.get(row.id)?.message !== row.message) {
          yield* Effect.logError(
            `the stored session ${row.id} cannot be read (${row.message}): no machine that may be its own is deleted meanwhile`
          )
        }
        unreadable.set(row.id, row)
      }
      return adopted.length
    })

    const logUnreachable = (unreachable: ReadonlyMap<ProviderId, number>) =>
      Effect.forEach(unreachable, ([id, count]) =>
        Effect.logError(
          `${count} stored sessions have or may have machines at ${id}, which is not set up here: ` +
            "they stay in the store, and their machines cannot be ended until it is"
        ), { discard: true })

    const load = Effect.gen(function*() {
      const unreachable = new Map<ProviderId, number>()
      yield* eachPage(store, owner, after, (page) =>
        Effect.gen(function*() {
          yield* take(page, unreachable)
          after = page.next ?? after
        }))
      notLoaded = null
      yield* logUnreachable(unreachable)
    }).pipe(Effect.withSpan(Spans.adopt, { root: true }))

    const reread = Effect.gen(function*() {
      const ids = [...unreadable.keys()]
      if (ids.length === 0) return
      const unreachable = new Map<ProviderId, number>()
      const rows = yield* store.read(owner, ids)
      const still = new Set(rows.unreadable.map(({ id }) => id))
      for (const id of ids) if (!still.has(id)) unreadable.delete(id)
      const adopted = yield* take(rows, unreachable)
      yield* logUnreachable(unreachable)
      if (adopted > 0) yield* Effect.logInfo(`${adopted} stored sessions could be read now and are adopted`)
    })

    const later = ({ reason }: AtlasError) => {
      notLoaded = reason.message
      return Effect.logError(
        `the stored sessions cannot be read and are not adopted yet, and no unknown machine is deleted: ${reason.message}`
      ).pipe(
        Effect.andThen(Effect.delay(Effect.retry(load, retryLoad), "10 seconds")),
        Effect.andThen(Effect.logInfo("the stored sessions could be read now and are adopted")),
        Effect.ignore,
        Effect.forkIn(scope),
        Effect.asVoid
      )
    }

    yield* Effect.catch(load, later)
    yield* Effect.forkIn(Effect.forever(Effect.delay(Effect.ignore(reread), rereadEvery)), scope)
    return {
      unreadable: () =>
        notLoaded === null ? [...unreadable.values()] : [unknownRows(notLoaded), ...unreadable.values()],
      reread
    }
  })
