/**
 * Writes the rows of sessions, beside the loop that decides: always the newest states, again and again until the store has
 * them, each row over the version that the store is known to have, and never two writes of one row at a time.
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Result from "effect/Result"
import * as Semaphore from "effect/Semaphore"
import { AtlasError } from "../../domain/AtlasError.ts"
import type { Owner } from "../../provider/NameStamp.ts"
import { guarded, locate } from "../internal/defects.ts"
import type { Now } from "../session/Clock.ts"
import type { SessionId } from "../session/Ids.ts"
import type { SessionState } from "../session/State.ts"
import { storageFault } from "../store/faults.ts"
import * as Rows from "../store/rows.ts"
import type { SessionStore, Write } from "../store/StoreContract.ts"
import * as Clocks from "./Clocks.ts"
import type { Delivery } from "./Delivery.ts"
import type { EngineStatus } from "./EngineStatus.ts"
import type { Mailbox, Message } from "./Mailbox.ts"
import * as SessionSpans from "./SessionSpans.ts"
import * as SetAside from "./SetAside.ts"
import type { Entry, Table } from "./Table.ts"
import * as Unsaved from "./Unsaved.ts"
import type { Waiters } from "./Waiters.ts"

type Store = SessionStore["Service"]

/** A failure of another class, which only a store that goes round its types has, is no better than what one throws. */
const isDefect = <E>(cause: Cause.Cause<E>): boolean =>
  !Cause.hasInterrupts(cause)
  && cause.reasons.some((one) => one._tag === "Die" || (one._tag === "Fail" && !(one.error instanceof AtlasError)))

const failDefects = <A>(operation: string, self: () => Effect.Effect<A, AtlasError>): Effect.Effect<A, AtlasError> =>
  // the text of a defect may hold anything, a key included
  Effect.catchCauseIf(Effect.suspend(self), isDefect, () =>
    Effect.fail(storageFault(operation, "the session store failed unexpectedly (a defect)")))

/** The same store; what it throws is answered as `StorageFault`. */
export const defectsAsFailures = (store: Store): Store => ({
  identity: store.identity,
  lock: (owner) => Effect.map(store.lock(owner), ({ lostTo }) => ({ lostTo: failDefects("lock", () => lostTo) })),
  load: (owner, after) => failDefects("load", () => store.load(owner, after)),
  read: (owner, ids) => failDefects("read", () => store.read(owner, ids)),
  commit: (owner, writes) => failDefects("commit", () => store.commit(owner, writes)),
  attempts: (owner, attempts) => failDefects("attempts", () => store.attempts(owner, attempts))
})

/** Most rows of one commit, so that it takes some milliseconds. */
const mostRows = 500
/** Milliseconds between two tries. */
const firstPause = 100
const longestPause = 10_000
/** Tries before a new session is given up: nothing has been rented for it, and its caller is waiting. */
const maxStartTries = 2
/** What ends a machine does not wait longer than this for its record, in milliseconds; how often that is checked. */
const patience = 1_000
const checkEvery = 500
/** After a defect in a session's turn its row is read again, in milliseconds. */
const afterDefect = 1_000
/** Commits in a row that may find another row than was written, before the row is set aside. */
const mostLosses = 3
/** Further commits that look for the rows that spoil a commit, and after how many milliseconds it is too slow for that. */
const mostProbes = 10
const tooSlow = 2_000

const pauseAfter = (tries: number): number => Math.min(longestPause, firstPause * 2 ** Math.max(0, tries - 1))

/** One row as it is being written. */
interface Snapshot {
  readonly entry: Entry
  readonly revision: number
  readonly write: Write
}

/** Hears a message at once, before anything more is written. */
export interface Hear {
  (message: Message): Effect.Effect<void>
}

/** Writes the rows of an engine. */
export interface Writer {
  /** The newest state of a session is to be written. */
  readonly save: (entry: Entry, now: Now) => void
  /** The row of a session is to be read again before it is written. */
  readonly readAgain: (entry: Entry, now: Now) => void
  /** Whether what ends the session's machines must not wait for the record any longer. */
  readonly isLate: (entry: Entry, now: Now) => boolean
  /** Why no session can begin; null when one can. */
  readonly refusal: () => AtlasError | null
  /** Whether every row says what it must, those left out that are set aside. */
  readonly isIdle: () => boolean
  readonly run: (hear: Hear) => Effect.Effect<void>
}

/** Whether the row of a session is to be deleted. */
const isForgotten = ({ pendingTerminations, phase }: SessionState): boolean =>
  phase._tag === "Ended" && phase.forgetting && pendingTerminations.length === 0

const snapshotOf = (entry: Entry): Snapshot => {
  const { state, unsaved } = entry
  const { spec: { id }, version } = state
  return {
    entry,
    revision: unsaved?.revision ?? 0,
    write: { id, version, state: isForgotten(state) ? null : state }
  }
}

const halvesOf = <A>(all: ReadonlyArray<A>): ReadonlyArray<ReadonlyArray<A>> => {
  const middle = Math.ceil(all.length / 2)
  return [all.slice(0, middle), all.slice(middle)]
}

/** A writer for one owner. */
export const make = ({ delivery, mailbox, owner, status, store, table, waiters }: {
  readonly owner: Owner
  readonly store: Pick<Store, "commit" | "read">
  readonly table: Table
  readonly mailbox: Mailbox
  readonly waiters: Waiters
  readonly delivery: Delivery
  readonly status: EngineStatus
}): Writer => {
  /** Sessions behind their rows, the longest first; those of them whose state waits to be written. */
  const behind = new Map<SessionId, Entry>()
  const dirty = new Map<SessionId, Entry>()
  /** Sessions whose rows must be read before they are written. */
  const unread = new Map<SessionId, Entry>()
  let readFailures = 0
  let readAt = 0
  const aside = SetAside.make()
  /** New sessions that were refused, and may have been stored all the same because an answer was lost; to be deleted. */
  const withdrawn = new Set<SessionId>()
  const hasWithdrawn = Latch.makeUnsafe()
  const hasWork = Latch.makeUnsafe()
  const isBehind = Latch.makeUnsafe()
  const oneAtATime = Semaphore.makeUnsafe(1)
  let outage: { readonly tries: number; readonly error: AtlasError } | null = null
  /** Rows that were tried alone while nothing could be written. */
  const probed = new Set<SessionId>()
  /** Whether the store has answered that it has other rows, and not yet whether the owner lock is still held. */
  let isDoubted = false

  const idOf = (entry: Entry): SessionId => entry.state.spec.id

  const queue = (entry: Entry): void => {
    const id = idOf(entry)
    if (!aside.has(id) && !unread.has(id)) dirty.set(id, entry)
    hasWork.openUnsafe()
  }

  const save: Writer["save"] = (entry) => {
    const id = idOf(entry)
    if (!behind.has(id)) behind.set(id, entry)
    isBehind.openUnsafe()
    queue(entry)
  }

  /** Everything that is not in the row is to be written, whatever the row says. */
  const saveAnew = (entry: Entry, now: Now): void => {
    entry.unsaved ??= Unsaved.make(null, now.mono)
    Unsaved.add(entry.unsaved, { envelopes: [], commands: [], isNeeded: true })
    entry.recorded = false
    save(entry, now)
  }

  const readAgain: Writer["readAgain"] = (entry, now) => {
    saveAnew(entry, now)
    // a session that never had a row has none to read
    if (!entry.isStored) return
    const id = idOf(entry)
    // one that meets a defect again and again must not keep the others from being written
    if (!unread.has(id)) readAt = Math.max(readAt, now.mono + afterDefect)
    unread.set(id, entry)
    dirty.delete(id)
  }

  const isLate: Writer["isLate"] = (entry, now) => {
    const { unsaved } = entry
    // without a row there is no machine
    if (unsaved === null || Unsaved.isRecorded(unsaved) || !entry.isStored) return false
    // another process may have the sessions, and what ends here may be in use there
    if (isDoubted) return false
    return outage !== null || aside.has(idOf(entry)) || now.mono - unsaved.since >= patience
  }

  const flushLate = Effect.flatMap(Clocks.read, (now) => {
    const late: Array<Entry> = []
    for (const entry of behind.values()) {
      if (entry.unsaved !== null && entry.unsaved.items.length > 0 && isLate(entry, now)) late.push(entry)
    }
    return delivery.flush(late, () => true)
  })

  // a failed try may have been stored all the same; the store then answers the same write as written
  const attempt = (snapshots: ReadonlyArray<Snapshot>) =>
    oneAtATime.withPermit(Effect.gen(function*() {
      const withdrawals = [...withdrawn].map((id): Write => ({ id, version: 1, state: null }))
      const lost = yield* store.commit(owner, [...withdrawals, ...snapshots.map(({ write }) => write)])
      for (const { id } of withdrawals) withdrawn.delete(id)
      return new Set(lost)
    })).pipe(Effect.result)

  const withdraw = Effect.gen(function*() {
    yield* hasWithdrawn.await
    yield* Effect.sleep(Duration.millis(longestPause))
    if (withdrawn.size > 0) yield* attempt([])
    if (withdrawn.size === 0) hasWithdrawn.closeUnsafe()
  })

  /** Gives up a new session: nothing was rented for it. */
  const refuse = Effect.fnUntraced(function*(entry: Entry, error: AtlasError) {
    const id = idOf(entry)
    for (const sessions of [behind, dirty, unread]) sessions.delete(id)
    aside.remove(id)
    withdrawn.add(id)
    hasWithdrawn.openUnsafe()
    yield* SessionSpans.abandon(entry, "unsettled")
    table.remove(id)
    waiters.gone(id, error)
  })

  /** A row says now what its snapshot says. */
  const record = ({ entry, revision, write }: Snapshot, now: Now): void => {
    const { unsaved } = entry
    const id = idOf(entry)
    aside.remove(id)
    if (unsaved === null) return
    const version = write.state === null ? 0 : write.version + 1
    entry.state = { ...entry.state, version }
    entry.isStored = true
    entry.isDeleted = write.state === null
    Object.assign(unsaved, { written: revision, fault: null, tries: 0, losses: 0, since: now.mono })
    unsaved.recorded = write.state === null ? unsaved.recorded : { ...write.state, version }
    entry.recorded = Unsaved.isRecorded(unsaved)
    behind.delete(id)
    if (!entry.recorded) save(entry, now)
  }

  /** The store works: notes what it has written, and which rows were not as they were written last. */
  const settle = Effect.fnUntraced(function*(snapshots: ReadonlyArray<Snapshot>, lost: ReadonlySet<SessionId>) {
    const now = yield* Clocks.read
    outage = null
    probed.clear()
    aside.worked(now)
    const written = snapshots.filter(({ write }) => !lost.has(write.id))
    for (const snapshot of written) record(snapshot, now)
    yield* delivery.flush(written.map(({ entry }) => entry), () => false)
    const others = snapshots.filter(({ write }) => lost.has(write.id))
    if (others.length === 0) return
    for (const { entry, write: { id } } of others) {
      unread.set(id, entry)
      dirty.delete(id)
      if (entry.unsaved !== null) entry.unsaved.losses += 1
    }
    readAt = now.mono
    const ids = others.map(({ write }) => write.id).join(", ")
    isDoubted = true
    yield* Effect.logWarning(
      "the store has other rows than this orchestrator wrote, and has not told yet who holds the owner lock: until it does, " +
        `nothing is ended that the rows do not end: ${ids}`
    )
    const isOurs = yield* status.holdsOwnerLock
    // with the owner lock all sessions are lost: `status.loss` ends the loop
    if (!isOurs) return yield* Effect.never
    isDoubted = false
    yield* Effect.logError(
      `the store has other rows than this orchestrator wrote, which still holds the owner lock: were they restored? ` +
        `They are read again, and the sessions go on: ${ids}`
    )
  })

  const notStored = (why: string): Effect.Effect<void> =>
    Effect.logError(
      "sessions could not be stored, and are tried again: until then no machine is rented for them and no event of them is " +
        `told, and their machines are ended all the same: ${why}`
    )

  /** Sets a row aside: it is tried alone from now on, and its session is ended when the row is the one at fault. */
  const setAside = Effect.fnUntraced(function*(snapshot: Snapshot, why: string, proof: SetAside.Proof) {
    const { entry, write: { id } } = snapshot
    const now = yield* Clocks.read
    const { isBad, isNowBad, isToEnd } = aside.failed(entry, now, proof)
    dirty.delete(id)
    hasWork.openUnsafe()
    if (!isBad) yield* notStored(why)
    if (isNowBad) {
      yield* Effect.logError(
        `the session ${id} alone cannot be stored and is set aside; the others go on, and it is tried again: ${why}`
      )
    }
    if (isToEnd) {
      yield* Effect.logError(`the session ${id} is ended, since it cannot be stored: ${why}`)
      mailbox.put({ id, event: { _tag: "StopRequested", by: "store" } })
      waiters.refused(id, storageFault("spawn", `the session cannot be stored and is ended: ${why}`))
    }
  })

  /** The store cannot be written at all: waits, and goes on with what is newest then. */
  const waitForStore = Effect.fnUntraced(function*(snapshots: ReadonlyArray<Snapshot>, error: AtlasError) {
    const tries = (outage?.tries ?? 0) + 1
    outage = { tries, error }
    yield* notStored(error.reason.message)
    for (const { entry } of snapshots) queue(entry)
    for (const { entry } of aside.takeUnproven()) queue(entry)
    yield* flushLate
    yield* Effect.sleep(Duration.millis(pauseAfter(tries)))
  })

  /** The parts of a failed commit in the order in which they are tried: in an outage first one row, another one each time. */
  const partsOf = (snapshots: ReadonlyArray<Snapshot>): ReadonlyArray<ReadonlyArray<Snapshot>> => {
    if (outage === null) return halvesOf(snapshots)
    if (snapshots.every(({ write }) => probed.has(write.id))) probed.clear()
    const first = snapshots.findIndex(({ write }) => !probed.has(write.id))
    const one = snapshots.slice(first, first + 1)
    for (const { write } of one) probed.add(write.id)
    return [one, snapshots.toSpliced(first, 1)]
  }

  /**
   * Finds out by further commits which rows of a failed commit spoil it. Answers the rows that fail alone, or null: all do. In an
   * outage one more commit tells whether the store works again for any row.
   */
  const isolate = Effect.fnUntraced(function*(snapshots: ReadonlyArray<Snapshot>, isSlow: boolean) {
    const groups = [...partsOf(snapshots)]
    const probes = isSlow || outage !== null ? 1 : mostProbes
    const alone: Array<Snapshot> = []
    let hasWorked = false
    for (let left = probes; hasWorked || left > 0; left--) {
      const group = groups.shift()
      if (group === undefined) break
      const answer = yield* attempt(group)
      if (Result.isSuccess(answer)) {
        hasWorked = true
        yield* settle(group, answer.success)
      } else if (group.length === 1) alone.push(...group)
      else groups.push(...halvesOf(group))
    }
    return hasWorked ? alone : null
  })

  /** What becomes of the rows of a failed commit. */
  const fail = Effect.fnUntraced(function*(snapshots: ReadonlyArray<Snapshot>, error: AtlasError, took: number) {
    const left: Array<Snapshot> = []
    let isSpoilt = false
    for (const snapshot of snapshots) {
      const { entry, write } = snapshot
      const text = Rows.textOf(owner, write)
      if (entry.unsaved !== null) {
        entry.unsaved.fault = Result.isFailure(text) ? text.failure.reason.message : error.reason.message
        entry.unsaved.tries += 1
      }
      const isGivenUp = !entry.isStored && (Result.isFailure(text) || (entry.unsaved?.tries ?? 0) >= maxStartTries)
      if (Result.isFailure(text)) isSpoilt = true
      if (isGivenUp) yield* refuse(entry, Result.isFailure(text) ? text.failure : error)
      else if (Result.isFailure(text)) yield* setAside(snapshot, text.failure.reason.message, "unencodable")
      else left.push(snapshot)
    }
    const [only, second] = left
    if (only === undefined) return
    // without the rows that cannot be encoded the others are tried at once
    if (isSpoilt) { for (const { entry } of left) queue(entry) }
    else if (second === undefined) {
      if (outage !== null || aside.hasOtherUnproven(only.write.id)) return yield* waitForStore(left, error)
      yield* setAside(only, error.reason.message, "none")
    } else {
      const alone = yield* isolate(left, took >= tooSlow)
      if (alone === null) return yield* waitForStore(left, error)
      for (const snapshot of alone) yield* setAside(snapshot, error.reason.message, "others_work")
    }
    yield* flushLate
  })

  const commit = Effect.fnUntraced(function*(snapshots: ReadonlyArray<Snapshot>) {
    const before = yield* Clocks.read
    const answer = yield* attempt(snapshots)
    if (Result.isSuccess(answer)) return yield* settle(snapshots, answer.success)
    const after = yield* Clocks.read
    yield* fail(snapshots, answer.failure, after.mono - before.mono)
  })

  /** Reads rows that are not as they were written, or whose sessions met a defect, and goes on from what is there. */
  const readRows = Effect.fnUntraced(function*(hear: Hear) {
    const entries = [...unread.values()]
    const answer = yield* Effect.result(store.read(owner, entries.map(idOf)))
    const now = yield* Clocks.read
    if (Result.isFailure(answer)) {
      const { message } = answer.failure.reason
      for (const { unsaved } of entries) if (unsaved !== null) unsaved.fault = message
      readFailures += 1
      readAt = now.mono + pauseAfter(readFailures)
      return yield* Effect.logError(`stored sessions could not be read again: ${message}`)
    }
    readFailures = 0
    const { sessions, unreadable } = answer.success
    const stored = new Map(sessions.map((state) => [state.spec.id, state]))
    const spoilt = new Map(unreadable.map(({ id, message }) => [id, message]))
    for (const entry of entries) {
      const id = idOf(entry)
      unread.delete(id)
      if (table.get(id) !== entry) continue
      const found = stored.get(id)
      const isUnsettled = (entry.unsaved?.losses ?? 0) > mostLosses
      const why = spoilt.get(id) ?? (isUnsettled ? "its row is changed again and again by another process" : null)
      entry.state = { ...entry.state, version: found?.version ?? 0 }
      saveAnew(entry, now)
      if (found !== undefined) yield* hear({ id, event: { _tag: "Reread", stored: found } })
      if (why === null) continue
      if (entry.unsaved !== null) entry.unsaved.fault = why
      yield* setAside(snapshotOf(entry), why, "unreadable")
    }
  })

  const retryAside = Effect.fnUntraced(function*({ entry, mustRead }: SetAside.Aside) {
    if (mustRead) {
      aside.release(idOf(entry))
      unread.set(idOf(entry), entry)
      return
    }
    const snapshot = snapshotOf(entry)
    const text = Rows.textOf(owner, snapshot.write)
    if (Result.isSuccess(text)) return yield* commit([snapshot])
    yield* setAside(snapshot, text.failure.reason.message, "unencodable")
  })

  const takePortion = (): ReadonlyArray<Snapshot> => {
    const portion: Array<Snapshot> = []
    for (const [id, entry] of dirty) {
      if (portion.length === mostRows) break
      dirty.delete(id)
      if (table.get(id) === entry) portion.push(snapshotOf(entry))
    }
    return portion
  }

  const step = (hear: Hear) =>
    Effect.gen(function*() {
      const now = yield* Clocks.read
      if (unread.size > 0 && readAt <= now.mono) return yield* readRows(hear)
      const due = aside.due(now)
      if (due !== null) return yield* retryAside(due)
      if (dirty.size > 0) return yield* commit(takePortion())
      const next = Math.min(aside.next(), unread.size > 0 ? readAt : Number.POSITIVE_INFINITY)
      hasWork.closeUnsafe()
      yield* next === Number.POSITIVE_INFINITY
        ? hasWork.await
        : Effect.timeoutOption(hasWork.await, Math.max(1, next - now.mono))
    })

  /** After a defect whatever is behind its row is written again. */
  const requeue = Effect.suspend(() => {
    for (const entry of behind.values()) queue(entry)
    return Effect.sleep(Duration.millis(firstPause))
  })

  const watch = Effect.gen(function*() {
    yield* isBehind.await
    yield* Effect.sleep(Duration.millis(checkEvery))
    if (behind.size === 0) isBehind.closeUnsafe()
    else yield* flushLate
  })

  return {
    save,
    readAgain,
    isLate,
    refusal: () => outage !== null && outage.tries >= maxStartTries ? outage.error : null,
    isIdle: () => behind.size === aside.size(),
    run: (hear) =>
      Effect.all([
        Effect.forever(
          Effect.catchDefect(step(hear), (defect) =>
            Effect.andThen(Effect.logError(`a commit failed unexpectedly (a defect): ${locate(defect)}`), requeue))
        ),
        Effect.forever(guarded("a check of late records", watch)),
        Effect.forever(guarded("a withdrawal", withdraw))
      ], { concurrency: "unbounded", discard: true })
  }
}
