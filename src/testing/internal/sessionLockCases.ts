/** What every session store promises of the lock of each owner: one holder at a time. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Owner } from "../../provider/NameStamp.ts"
import { type Definition, type Failed, type Store } from "./sessionTrial.ts"
import { check, failsAs } from "./trial.ts"

const locked = <A, E>(store: Store, owner: Owner, use: Effect.Effect<A, E>): Effect.Effect<A, E | Failed> =>
  Effect.scoped(Effect.andThen(store.lock(owner), use))

const refused = (store: Store, owner: Owner) =>
  Effect.gen(function*() {
    const { message } = yield* failsAs("StorageFault", "a second lock of an owner", Effect.scoped(store.lock(owner)))
    yield* check(
      message.includes(String(process.pid)),
      `the refusal does not name the process that holds it: ${message}`
    )
  })

export const sessionLockCases: ReadonlyArray<Definition> = [
  {
    name: "a second lock of an owner is refused, naming the process that holds it, as often as it is asked for",
    run: ({ owner, store }) => locked(store, owner, Effect.andThen(refused(store, owner), refused(store, owner)))
  },
  {
    name: "an owner lock is free again when its scope closes, also by a failure or an interruption",
    run: ({ owner, store }) =>
      Effect.gen(function*() {
        yield* locked(store, owner, Effect.void)
        const failed = yield* Effect.exit(locked(store, owner, Effect.fail("on purpose")))
        yield* check(Exit.isFailure(failed), "a failure inside was lost")
        yield* Effect.timeoutOption(locked(store, owner, Effect.never), 50)
        yield* locked(store, owner, refused(store, owner))
      })
  },
  {
    name: "an owner lock says that its holder still has it, also after another one was refused",
    run: ({ owner, store }) =>
      Effect.scoped(Effect.gen(function*() {
        const { lostTo } = yield* store.lock(owner)
        yield* refused(store, owner)
        const other = yield* lostTo
        yield* check(other === null, `it is said to be lost to ${other}`)
      }))
  },
  {
    name: "a refused lock leaves the holder's as it was",
    run: ({ owner, store }) =>
      Effect.gen(function*() {
        yield* locked(
          store,
          owner,
          Effect.gen(function*() {
            yield* refused(store, owner)
            yield* refused(store, owner)
          })
        )
        yield* locked(store, owner, Effect.void)
      })
  },
  {
    name: "owners have locks of their own",
    run: ({ other, owner, store }) =>
      locked(store, owner, locked(store, other, Effect.andThen(refused(store, owner), refused(store, other))))
  },
  {
    name: "of many that ask for an owner lock at once one gets it",
    run: ({ owner, store }) =>
      Effect.gen(function*() {
        const exits = yield* Effect.scoped(
          Effect.forEach(Array.from({ length: 6 }), () => Effect.exit(store.lock(owner)), { concurrency: "unbounded" })
        )
        const taken = exits.filter(Exit.isSuccess).length
        yield* check(taken === 1, `${taken} of 6 got the lock`)
      })
  },
  {
    name: "a store that is opened anew meets the owner lock too",
    needs: "again",
    run: ({ again, other, owner, store }) =>
      Effect.gen(function*() {
        yield* locked(
          store,
          owner,
          again((second) => Effect.andThen(refused(second, owner), locked(second, other, refused(store, other))))
        )
        yield* again((second) => locked(second, owner, refused(store, owner)))
      })
  }
]
