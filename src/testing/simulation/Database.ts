/**
 * The store of a simulation: the real one in memory, behind calls that are slow, fail before or after they took effect, and
 * are cut off with their process. Rows are read back through their JSON, as from a disk.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Atlas from "../../domain/AtlasError.ts"
import { type SessionId, SessionJson, type SessionState } from "../../orchestrator/Session.ts"
import {
  type AttemptHolders,
  layerMemory,
  type Loaded,
  type Page,
  SessionStore,
  type Unreadable,
  type Write
} from "../../orchestrator/SessionStore.ts"
import { storeIdentity } from "./Ledger.ts"
import type { Process } from "./Process.ts"
import type { World } from "./World.ts"

/**
 * Hears of the writes to a store.
 *
 * @category models
 * @since 0.1.0
 */
export interface Witness {
  /** A row was written, or (`after` null) deleted. */
  readonly written: (
    process: Process,
    before: SessionState | undefined,
    after: SessionState | null,
    id: SessionId
  ) => void
  /** A write was refused, since another process had written the row. */
  readonly lost: (process: Process, id: SessionId) => void
  /** A row is as it was long ago, or (null) not there any more. */
  readonly restored: (id: SessionId, state: SessionState | null) => void
}

/**
 * The one store of a world.
 *
 * @category models
 * @since 0.1.0
 */
export interface Database {
  /** The rows it holds now. */
  readonly rows: ReadonlyMap<SessionId, SessionState>
  /** Those of sessions that are not over. */
  readonly open: () => Iterable<SessionState>
  /** The session of an attempt, among the rows it holds now. */
  readonly byAttempt: (attempt: string) => SessionState | undefined
  /** Whether a row that was there once, and may have been lost since, named the attempt. */
  readonly wasNamed: (attempt: string) => boolean
  readonly storeFor: (process: Process) => SessionStore["Service"]
  /** Releases the owner locks of a process, as its death or the loss of its connection does, and settles its unanswered writes. */
  readonly cut: (process: Process) => void
  /** True time since which no answer of the store has failed. */
  readonly worksSince: () => number
  /** The phase of a session in the last write of it whose answer the process has heard. */
  readonly heardBy: (process: Process, id: SessionId) => SessionState["phase"] | undefined
  /** Whether the process was told that its rows are another's, after another process had taken the owner lock. */
  readonly hasHeardOfLoss: (process: Process) => boolean
  /** Whether a write of the process has failed lately, or has taken long. */
  readonly isBehind: (process: Process) => boolean
  /** Whether the row was restored once, so that what was told before it may be told again. */
  readonly wasRestored: (id: SessionId) => boolean
  /** True time when the row was last restored; null when it never was. */
  readonly restoredAt: (id: SessionId) => number | null
  /** Whether a process has deleted the row, with all that was still to be told of its session. */
  readonly wasDeleted: (id: SessionId) => boolean
  /** Whether the row can be read now, and could for a while. */
  readonly isReadable: (id: SessionId) => boolean
  /** No process can go on at this moment. */
  readonly quiet: () => void
  readonly controls: DatabaseControls
}

/**
 * What a simulation does to a store.
 *
 * @category models
 * @since 0.1.0
 */
export interface DatabaseControls {
  /** Nothing can be read or written for so long. */
  readonly stop: (millis: number) => void
  /** It is as it was so many commits ago. */
  readonly rollBack: (commits: number) => void
  /** A row cannot be read for so long: it is damaged, or of a newer version. */
  readonly damage: (id: SessionId, millis: number) => void
  /** A commit with this row fails for so long: the store does not take the row. */
  readonly refuse: (id: SessionId, millis: number) => void
  /** It works, and every row can be read. */
  readonly repair: () => void
}

const encode = Schema.encodeUnknownSync(SessionJson)
const decode = Schema.decodeUnknownSync(SessionJson)
const reread = (state: SessionState): SessionState => decode(JSON.parse(JSON.stringify(encode(state))))

const isWritable = ({ state }: Write): boolean => {
  try {
    encode(state)
    return true
  } catch {
    return state === null
  }
}

const broken = (operation: string, message = "the disk cannot be written") =>
  new Atlas.AtlasError({ provider: null, operation, reason: new Atlas.StorageFault({ message }) })

/** How many commits a copy of the store can be behind. */
const mostBehind = 40
/** A write takes long from here on; so a process that waited for it may have done without. */
const long = 900
/** How much later than its first failure a process may still do without: its back-off, a pool, a call. */
const afterwards = 60_000
/** A row that can be written is held up by another one for a commit or two, pauses included. */
const mostHeldUp = 10_000
/** How long after a row can be read again a process has read it again. */
const rereading = 20 * 60_000

const openStore = (): SessionStore["Service"] =>
  Effect.runSync(Effect.scoped(Effect.map(Layer.build(layerMemory), (built) => Context.get(built, SessionStore))))

/**
 * What takes time and is needed in some worlds only.
 *
 * @category models
 * @since 0.1.0
 */
export interface Traits {
  /** It will be rolled back. */
  readonly keepsCopies: boolean
  /** Rows may hold what cannot be written, so each is tried. */
  readonly isStrict: boolean
}

/** How a process got on with its writes. */
interface Progress {
  /** When each write that is under way began. */
  readonly begun: Set<number>
  failedAt: number
  /** Rows that could be written but for another row of the same commit, since when. */
  readonly heldUp: Map<SessionId, number>
  readonly heard: Map<SessionId, SessionState["phase"]>
  hasHeardOfLoss: boolean
}

/**
 * An empty store.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (world: World, witness: Witness, traits: Traits): Database => {
  const { timeline } = world
  const rng = world.rng.fork()
  const real = openStore()
  const rows = new Map<SessionId, SessionState>()
  const attempts = new Map<string, SessionId>()
  const locks = new Map<Process, Array<Scope.Closeable>>()
  /** The process that took each owner's lock last. */
  const holders = new Map<string, Process>()
  let lockCount = 0
  const pending = new Map<Process, Set<() => void>>()
  let worksSince = 0
  let downUntil = 0
  const copies: Array<ReadonlyMap<SessionId, SessionState>> = []
  /** How much higher the version of a restored row is than the store's own count of its writes. */
  const versions = new Map<SessionId, number>()
  const restored = new Map<SessionId, number>()
  const deleted = new Set<SessionId>()
  /** Until when each row cannot be read. */
  const damaged = new Map<string, number>()
  /** Until when each row cannot be written. */
  const refused = new Map<string, number>()
  const progresses = new Map<Process, Progress>()

  const progressOf = (process: Process): Progress => {
    const known = progresses.get(process) ??
      {
        begun: new Set<number>(),
        failedAt: Number.NEGATIVE_INFINITY,
        heldUp: new Map(),
        heard: new Map(),
        hasHeardOfLoss: false
      }
    progresses.set(process, known)
    return known
  }

  const isDown = (): boolean => timeline.now() < downUntil
  const isDamaged = (id: string): boolean => timeline.now() < (damaged.get(id) ?? 0)

  const fails = (operation: string): Result.Result<never, Atlas.AtlasError> => {
    worksSince = timeline.now()
    return Result.fail(broken(operation))
  }

  /** The same write by the store's own count. */
  const asReal = (write: Write): Write => ({ ...write, version: write.version - (versions.get(write.id) ?? 0) })

  /** Writes what can be written; null when the store refuses the whole commit, for one row. */
  const apply = (
    process: Process,
    owner: SessionState["spec"]["owner"],
    writes: ReadonlyArray<Write>
  ): ReadonlyArray<SessionId> | null => {
    const { heldUp } = progressOf(process)
    // as a disk does: what cannot be written keeps the whole commit from being written
    const isGood = (write: Write) => timeline.now() >= (refused.get(write.id) ?? 0) && isWritable(write)
    const good = traits.isStrict ? writes.filter(isGood) : writes
    if (good.length < writes.length) {
      world.note(() => `the store refuses a commit of ${writes.length} rows, of which ${good.length} could be written`)
      for (const { id } of good) heldUp.set(id, heldUp.get(id) ?? timeline.now())
      return null
    }
    // every store promises this: a process adopts rows without writing them, so their versions alone would not stop another one
    const isFenced = holders.get(owner) !== process
    const lost = new Set(
      isFenced ? writes.map(({ id }) => id) : Effect.runSync(Effect.orDie(real.commit(owner, writes.map(asReal))))
    )
    if (traits.keepsCopies) {
      copies.push(new Map(rows))
      if (copies.length > mostBehind) copies.shift()
    }
    for (const { id, state, version } of writes) {
      heldUp.delete(id)
      if (lost.has(id)) {
        world.note(() => `the store has another version of ${id} than ${version}`)
        witness.lost(process, id)
        continue
      }
      const before = rows.get(id)
      const after = state === null ? null : { ...state, version: version + 1 }
      world.note(() => `the store has ${id} ${after === null ? "deleted" : `v${after.version} ${after.phase._tag}`}`)
      if (after === null) {
        rows.delete(id)
        versions.delete(id)
        deleted.add(id)
      } else {
        rows.set(id, after)
        for (const attempt of after.attempts) attempts.set(attempt.id, id)
      }
      witness.written(process, before, after, id)
    }
    return [...lost]
  }

  const asUnreadable = ({ createdAt, spec: { id }, version }: SessionState): Unreadable => ({
    id,
    version: version + (versions.get(id) ?? 0),
    createdAt,
    message: "of a newer version"
  })

  /** What the store answers, as it is read from a disk on which some rows are damaged. */
  const asRead = ({ sessions, unreadable }: Loaded): Loaded => ({
    sessions: sessions.filter(({ spec }) => !isDamaged(spec.id)).map((state) => ({
      ...reread(state),
      version: state.version + (versions.get(state.spec.id) ?? 0)
    })),
    unreadable: [...unreadable, ...sessions.filter(({ spec }) => isDamaged(spec.id)).map(asUnreadable)]
  })

  /** A process reads something. */
  const asked = <A>(process: Process, label: string, travel: number, read: () => A) =>
    world.call<A, Atlas.AtlasError>(process, {
      label,
      travel,
      outlives: false,
      back: 1,
      act: (answer) =>
        answer(rng.chance(world.faultRates().loadFails) || isDown() ? fails(label) : Result.succeed(read()))
    })

  const storeFor = (process: Process): SessionStore["Service"] => ({
    identity: storeIdentity,
    lock: (owner) =>
      Effect.suspend(() => {
        if (isDown()) return Effect.fail(broken("lock"))
        const scope = Scope.makeUnsafe()
        const exit = Effect.runSyncExit(Scope.provide(real.lock(owner), scope))
        if (Exit.isFailure(exit)) return Effect.fail(broken("lock"))
        locks.set(process, [...(locks.get(process) ?? []), scope])
        holders.set(owner, process)
        // every second lock does not answer once it was taken over: its holder learns it from its commits
        const isBlind = ++lockCount % 2 === 0
        return Effect.as(Effect.addFinalizer(() => Scope.close(scope, Exit.void)), {
          lostTo: Effect.suspend(() => {
            const isHeld = holders.get(owner) === process
            if (isDown() || (isBlind && !isHeld)) return Effect.fail(broken("lock"))
            return Effect.succeed(isHeld ? null : "another process")
          })
        })
      }),
    load: (owner, after) =>
      asked<Page>(process, "load", 1 + rng.below(20), () => {
        const page = Effect.runSync(Effect.orDie(real.load(owner, after)))
        return { ...asRead(page), next: page.next }
      }),
    read: (owner, ids) =>
      asked<Loaded>(
        process,
        "read",
        1 + rng.below(10),
        () => asRead(Effect.runSync(Effect.orDie(real.read(owner, ids))))
      ),
    commit: (owner, writes) =>
      Effect.suspend(() => {
        const slow = rng.chance(world.faultRates().commitSlow)
        const progress = progressOf(process)
        const began = timeline.now()
        let isDone = false
        let lost: ReadonlyArray<SessionId> | null = []
        const act = (): void => {
          if (isDone) return
          isDone = true
          mine.delete(act)
          lost = apply(process, owner, writes)
        }
        const mine = pending.get(process) ?? new Set<() => void>()
        pending.set(process, mine)
        progress.begun.add(began)
        return world.call<ReadonlyArray<SessionId>, Atlas.AtlasError>(process, {
          label: "commit",
          isSteady: true,
          travel: slow ? 1_000 + rng.below(25_000) : 1 + rng.below(4),
          outlives: false,
          back: slow ? rng.below(5_000) : 1,
          act: (answer) => {
            const troubled = rng.chance(world.faultRates().commitFails)
            if ((troubled && rng.chance(0.5)) || isDown()) {
              mine.delete(act)
              return answer(fails("commit"))
            }
            act()
            if (lost === null) return answer(Result.fail(broken("commit", "a row cannot be written")))
            answer(troubled ? fails("commit") : Result.succeed(lost))
          },
          heard: (refused) => {
            for (const { id, state } of writes) {
              if (state !== null && !refused.includes(id)) progress.heard.set(id, state.phase)
            }
            if (refused.length === 0) return
            progress.failedAt = timeline.now()
            if (holders.get(owner) !== process) progress.hasHeardOfLoss = true
          }
        }).pipe(
          (call) =>
            Effect.suspend(() => {
              mine.add(act)
              return call
            }),
          Effect.tapError(() =>
            Effect.sync(() => {
              progress.failedAt = timeline.now()
              world.asked(process, "a commit that fails")
            })
          ),
          Effect.ensuring(Effect.sync(() => {
            progress.begun.delete(began)
            if (timeline.now() - began > long) progress.failedAt = timeline.now()
          }))
        )
      }),
    attempts: (owner, wanted) =>
      asked<AttemptHolders>(process, `sessions of ${wanted.length} attempts`, 1 + rng.below(10), () => {
        const { sessions } = Effect.runSync(Effect.orDie(real.attempts(owner, wanted)))
        const blind = [...rows.values()].filter(({ spec }) => spec.owner === owner && isDamaged(spec.id))
        return { sessions: new Map([...sessions].filter(([, id]) => !isDamaged(id))), unknown: blind.map(asUnreadable) }
      })
  })

  const rollBack = (commits: number): void => {
    const copy = copies.at(-commits)
    if (copy === undefined) return
    copies.length = 0
    world.note(() => `the store is as it was ${commits} commits ago`)
    for (const id of new Set([...rows.keys(), ...copy.keys()])) {
      const [now, then] = [rows.get(id), copy.get(id)]
      if (now === then) continue
      restored.set(id, timeline.now())
      if (now !== undefined) {
        const version = now.version - (versions.get(id) ?? 0)
        Effect.runSync(Effect.orDie(real.commit(now.spec.owner, [{ id, version, state: null }])))
        rows.delete(id)
        versions.delete(id)
      }
      if (then !== undefined) {
        Effect.runSync(Effect.orDie(real.commit(then.spec.owner, [{ id, version: 0, state: then }])))
        rows.set(id, then)
        versions.set(id, then.version - 1)
      }
      world.note(() =>
        `the store has ${id} ${then === undefined ? "lost" : `again v${then.version} ${then.phase._tag}`}`
      )
      witness.restored(id, then ?? null)
    }
  }

  return {
    rows,
    open: function*() {
      for (const state of rows.values()) {
        if (state.phase._tag !== "Ended" || state.pendingTerminations.length > 0) yield state
      }
    },
    byAttempt: (attempt) => {
      const id = attempts.get(attempt)
      const row = id === undefined ? undefined : rows.get(id)
      // a row of old may be from before the attempt
      const isNamed = id === undefined || !restored.has(id) || row?.attempts.some((one) => one.id === attempt)
      return isNamed ? row : undefined
    },
    wasNamed: (attempt) => {
      const id = attempts.get(attempt)
      return id !== undefined && restored.has(id)
    },
    storeFor,
    cut: (process) => {
      for (const act of pending.get(process) ?? []) {
        // what was on its way to the disk has arrived there or has not, and will not do so later
        if (rng.chance(0.5)) act()
      }
      pending.delete(process)
      progresses.delete(process)
      for (const scope of locks.get(process) ?? []) Effect.runSync(Scope.close(scope, Exit.void))
      locks.delete(process)
    },
    worksSince: () => worksSince,
    heardBy: (process, id) => progresses.get(process)?.heard.get(id),
    hasHeardOfLoss: (process) => progresses.get(process)?.hasHeardOfLoss ?? false,
    isBehind: (process) => {
      const progress = progressOf(process)
      const now = timeline.now()
      return now - progress.failedAt < afterwards || [...progress.begun].some((began) => now - began > long)
    },
    wasRestored: (id) => restored.has(id),
    restoredAt: (id) => restored.get(id) ?? null,
    wasDeleted: (id) => deleted.has(id),
    isReadable: (id) => timeline.now() - (damaged.get(id) ?? Number.NEGATIVE_INFINITY) > rereading,
    quiet: () => {
      for (const [process, { heldUp }] of progresses) {
        if (!process.isAlive() || process.host.isAsleep()) continue
        for (const [id, since] of heldUp) {
          const held = timeline.now() - Math.max(since, process.host.awakeSince(), worksSince)
          if (held > mostHeldUp) world.broken("apart", `${id} has not been written for ${held} ms, for another row`)
        }
      }
    },
    controls: {
      stop: (millis) => {
        world.note(() => `the store cannot be used for ${millis} ms`)
        downUntil = Math.max(downUntil, timeline.now() + millis)
      },
      rollBack,
      damage: (id, millis) => {
        world.note(() => `the row of ${id} cannot be read for ${millis} ms`)
        damaged.set(id, timeline.now() + millis)
      },
      refuse: (id, millis) => {
        world.note(() => `the row of ${id} cannot be written for ${millis} ms`)
        refused.set(id, timeline.now() + millis)
      },
      repair: () => {
        downUntil = Math.min(downUntil, timeline.now())
        for (const [id, until] of damaged) damaged.set(id, Math.min(until, timeline.now()))
        refused.clear()
      }
    }
  }
}
