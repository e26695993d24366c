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
  type Write
} from "../../orchestrator/SessionStore.ts"
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
  /** A process has read the owner's rows. */
  readonly loaded: (process: Process) => void
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
  /** The session of an attempt, among the rows it holds now. */
  readonly byAttempt: (attempt: string) => SessionState | undefined
  readonly storeFor: (process: Process) => SessionStore["Service"]
  /** Releases the owner locks of a process, as its death or the loss of its connection does, and settles its unanswered writes. */
  readonly cut: (process: Process) => void
  /** True time since which no answer of the store has failed. */
  readonly worksSince: () => number
}

const encode = Schema.encodeUnknownSync(SessionJson)
const decode = Schema.decodeUnknownSync(SessionJson)
const reread = (state: SessionState): SessionState => decode(JSON.parse(JSON.stringify(encode(state))))

const broken = (operation: string) =>
  new Atlas.AtlasError({
    provider: null,
    operation,
    reason: new Atlas.StorageFault({ message: "the disk cannot be written" })
  })

/**
 * An empty store.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (world: World, witness: Witness): Database => {
  const { timeline } = world
  const rng = world.rng.fork()
  const real = Effect.runSync(
    Effect.scoped(Effect.map(Layer.build(layerMemory), (built) => Context.get(built, SessionStore)))
  )
  const rows = new Map<SessionId, SessionState>()
  const attempts = new Map<string, SessionId>()
  const locks = new Map<Process, Array<Scope.Closeable>>()
  /** The process that took each owner's lock last. */
  const holders = new Map<string, Process>()
  let lockCount = 0
  const pending = new Map<Process, Set<() => void>>()
  let worksSince = 0

  const fails = (operation: string): Result.Result<never, Atlas.AtlasError> => {
    worksSince = timeline.now()
    return Result.fail(broken(operation))
  }

  const apply = (process: Process, owner: SessionState["spec"]["owner"], writes: ReadonlyArray<Write>) => {
    const lost = new Set(Effect.runSync(Effect.orDie(real.commit(owner, writes))))
    for (const { id, state, version } of writes) {
      if (lost.has(id)) {
        world.note(() => `the store has another version of ${id} than ${version}`)
        witness.lost(process, id)
        continue
      }
      const before = rows.get(id)
      const after = state === null ? null : { ...state, version: version + 1 }
      world.note(() => `the store has ${id} ${after === null ? "deleted" : `v${after.version} ${after.phase._tag}`}`)
      if (after === null) rows.delete(id)
      else {
        rows.set(id, after)
        for (const attempt of after.attempts) attempts.set(attempt.id, id)
      }
      witness.written(process, before, after, id)
    }
    return [...lost]
  }

  const storeFor = (process: Process): SessionStore["Service"] => ({
    lock: (owner) =>
      Effect.suspend(() => {
        const scope = Scope.makeUnsafe()
        const exit = Effect.runSyncExit(Scope.provide(real.lock(owner), scope))
        if (Exit.isFailure(exit)) return Effect.fail(broken("lock"))
        locks.set(process, [...(locks.get(process) ?? []), scope])
        holders.set(owner, process)
        // every second lock does not answer once it was taken over: there the versions of the rows must protect them
        const isBlind = ++lockCount % 2 === 0
        return Effect.as(Effect.addFinalizer(() => Scope.close(scope, Exit.void)), {
          lostTo: Effect.suspend(() =>
            holders.get(owner) === process
              ? Effect.succeed(null)
              : isBlind
              ? Effect.fail(broken("lock"))
              : Effect.succeed("another process")
          )
        })
      }),
    load: (owner, after) =>
      world.call<Page, Atlas.AtlasError>(process, {
        label: "load",
        travel: 1 + rng.below(20),
        outlives: false,
        back: 1,
        act: (answer) => {
          if (rng.chance(world.faultRates().loadFails)) return answer(fails("load"))
          const { next, sessions, unreadable } = Effect.runSync(Effect.orDie(real.load(owner, after)))
          answer(Result.succeed({ sessions: sessions.map(reread), unreadable, next }))
        },
        heard: () => witness.loaded(process)
      }),
    read: (owner, ids) =>
      world.call<Loaded, Atlas.AtlasError>(process, {
        label: "read",
        travel: 1 + rng.below(10),
        outlives: false,
        back: 1,
        act: (answer) => {
          if (rng.chance(world.faultRates().loadFails)) return answer(fails("read"))
          const { sessions, unreadable } = Effect.runSync(Effect.orDie(real.read(owner, ids)))
          answer(Result.succeed({ sessions: sessions.map(reread), unreadable }))
        }
      }),
    commit: (owner, writes) =>
      Effect.suspend(() => {
        const slow = rng.chance(world.faultRates().commitSlow)
        let isDone = false
        let lost: ReadonlyArray<SessionId> = []
        const act = (): void => {
          if (isDone) return
          isDone = true
          mine.delete(act)
          lost = apply(process, owner, writes)
        }
        const mine = pending.get(process) ?? new Set<() => void>()
        pending.set(process, mine)
        return world.call<ReadonlyArray<SessionId>, Atlas.AtlasError>(process, {
          label: "commit",
          travel: slow ? 1_000 + rng.below(25_000) : 1 + rng.below(4),
          outlives: false,
          back: slow ? rng.below(5_000) : 1,
          act: (answer) => {
            const troubled = rng.chance(world.faultRates().commitFails)
            if (troubled && rng.chance(0.5)) {
              mine.delete(act)
              return answer(fails("commit"))
            }
            act()
            answer(troubled ? fails("commit") : Result.succeed(lost))
          }
        }).pipe((call) =>
          Effect.suspend(() => {
            mine.add(act)
            return call
          })
        )
      }),
    attempts: (owner, wanted) =>
      world.call<AttemptHolders, Atlas.AtlasError>(process, {
        label: `sessions of ${wanted.length} attempts`,
        travel: 1 + rng.below(10),
        outlives: false,
        back: 1,
        act: (answer) =>
          answer(
            rng.chance(world.faultRates().loadFails)
              ? fails("attempts")
              : Result.succeed(Effect.runSync(Effect.orDie(real.attempts(owner, wanted))))
          )
      })
  })

  return {
    rows,
    byAttempt: (attempt) => {
      const id = attempts.get(attempt)
      return id === undefined ? undefined : rows.get(id)
    },
    storeFor,
    cut: (process) => {
      for (const act of pending.get(process) ?? []) {
        // what was on its way to the disk has arrived there or has not, and will not do so later
        if (rng.chance(0.5)) act()
      }
      pending.delete(process)
      for (const scope of locks.get(process) ?? []) Effect.runSync(Scope.close(scope, Exit.void))
      locks.delete(process)
    },
    worksSince: () => worksSince
  }
}
