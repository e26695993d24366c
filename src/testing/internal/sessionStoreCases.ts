/** What every session store promises of its rows, each as an effect that ends in a failure when the promise is broken. */
import * as Effect from "effect/Effect"
import type { Write } from "../../orchestrator/SessionStore.ts"
import { plain, samples } from "./sessionSamples.ts"
import { begin, commits, type Definition, holds, over, remove } from "./sessionTrial.ts"
import { check, failsAs } from "./trial.ts"

export const sessionStoreCases: ReadonlyArray<Definition> = [
  {
    name: "an owner without sessions loads none, and an empty commit answers nothing",
    run: ({ owner, store }) => Effect.andThen(holds(store, owner, []), commits(store, owner, []))
  },
  {
    name: "every field of a session in every phase comes back as it was, with the version of its row",
    run: ({ id, owner, store }) =>
      Effect.gen(function*() {
        const states = yield* samples(owner, (index) => id(`s${index}`))
        yield* commits(store, owner, states.map(begin))
        yield* holds(store, owner, states.map((state) => [state, 1]))
      })
  },
  {
    name: "an overwrite replaces the whole session and counts its version up",
    run: ({ id, owner, store }) =>
      Effect.gen(function*() {
        const states = yield* samples(owner, () => id("s"))
        for (const [version, state] of states.slice(0, 20).entries()) {
          yield* commits(store, owner, [over(version, state)])
          yield* holds(store, owner, [[state, version + 1]])
        }
      })
  },
  {
    name: "a deleted session is gone, and its id begins anew",
    run: ({ id, owner, store }) =>
      Effect.gen(function*() {
        const state = plain(owner, id("s"))
        yield* commits(store, owner, [begin(state)])
        yield* commits(store, owner, [over(1, state)])
        yield* commits(store, owner, [remove(2, id("s"))])
        yield* holds(store, owner, [])
        yield* commits(store, owner, [begin(state)])
        yield* holds(store, owner, [[state, 1]])
      })
  },
  {
    name: "deleting what is not there counts as done",
    run: ({ id, owner, store }) => commits(store, owner, [remove(0, id("a")), remove(7, id("b"))])
  },
  {
    name: "a write over another version is answered and leaves the row as it is",
    run: ({ id, owner, store }) =>
      Effect.gen(function*() {
        const first = plain(owner, id("s"), { userId: "first" })
        const second = plain(owner, id("s"), { userId: "second" })
        const third = plain(owner, id("s"), { userId: "third" })
        yield* commits(store, owner, [begin(first)])
        yield* commits(store, owner, [over(1, second)])
        const wrong = [begin(third), over(1, third), over(3, third), remove(1, id("s")), remove(3, id("s"))]
        for (const write of wrong) yield* commits(store, owner, [write], [id("s")])
        yield* holds(store, owner, [[second, 2]])
      })
  },
  {
    name: "a write over a row that is gone is answered and does not bring it back",
    run: ({ id, owner, store }) =>
      Effect.gen(function*() {
        const state = plain(owner, id("s"))
        yield* commits(store, owner, [over(3, state)], [id("s")])
        yield* holds(store, owner, [])
      })
  },
  {
    name: "a batch with rows that are lost writes the others",
    run: ({ id, owner, store }) =>
      Effect.gen(function*() {
        const old = ["a", "b", "c", "d"].map((name) => plain(owner, id(name), { userId: "old" }))
        const fresh = ["a", "b", "c", "d", "e"].map((name) => plain(owner, id(name), { userId: "new" }))
        yield* commits(store, owner, old.map(begin))
        const writes = fresh.map((state, index) => over([1, 2, 1, 0, 0][index] ?? 0, state))
        yield* commits(store, owner, writes, [id("b"), id("d")])
        const [a, b, c, d, e] = [fresh[0], old[1], fresh[2], old[3], fresh[4]]
        if (!a || !b || !c || !d || !e) return
        yield* holds(store, owner, [[a, 2], [b, 1], [c, 2], [d, 1], [e, 1]])
      })
  },
  {
    name: "two writes of one session in a batch happen one after the other",
    run: ({ id, owner, store }) =>
      Effect.gen(function*() {
        const [first, second] = ["first", "second"].map((userId) => plain(owner, id("s"), { userId }))
        if (!first || !second) return
        yield* commits(store, owner, [begin(first), over(1, second)])
        yield* holds(store, owner, [[second, 2]])
        yield* commits(store, owner, [remove(2, id("s")), begin(first)])
        yield* holds(store, owner, [[first, 1]])
      })
  },
  {
    name: "another owner's row is not written, not deleted and not loaded",
    run: ({ id, other, owner, store }) =>
      Effect.gen(function*() {
        const theirs = plain(other, id("s"), { userId: "theirs" })
        const ours = plain(owner, id("s"), { userId: "ours" })
        yield* commits(store, other, [begin(theirs)])
        for (const write of [begin(ours), over(1, ours), remove(1, id("s"))]) {
          yield* commits(store, owner, [write], [id("s")])
        }
        yield* holds(store, owner, [])
        yield* holds(store, other, [[theirs, 1]])
      })
  },
  {
    name: "sessions are read by their ids, each with the version of its row, and one that is not there is left out",
    run: ({ id, owner, store }) =>
      Effect.gen(function*() {
        const states = ["a", "b", "c"].map((name) => plain(owner, id(name)))
        const [first] = states
        if (first === undefined) return
        yield* commits(store, owner, states.map(begin))
        yield* commits(store, owner, [over(1, first)])
        const { sessions, unreadable } = yield* store.read(owner, [id("a"), id("b"), id("none")])
        const read = sessions.map(({ spec, version }) => `${spec.id} ${version}`).toSorted()
        yield* check(read.join() === `${id("a")} 2,${id("b")} 1`, `it read ${read.join()}`)
        yield* check(unreadable.length === 0, "it named a row as unreadable that is not there")
        const none = yield* store.read(owner, [])
        yield* check(none.sessions.length === 0 && none.unreadable.length === 0, "it read rows that nobody asked for")
      })
  },
  {
    name: "another owner's row is unreadable by its id, not missing",
    run: ({ id, other, owner, store }) =>
      Effect.gen(function*() {
        yield* commits(store, other, [begin(plain(other, id("s")))])
        const { sessions, unreadable } = yield* store.read(owner, [id("s")])
        yield* check(sessions.length === 0, "another owner's session was read")
        yield* check(unreadable.length === 1 && unreadable[0]?.id === id("s"), "the row was not named as unreadable")
      })
  },
  {
    name: "the very same write again, as after a lost answer, counts as written until another write replaces it",
    run: ({ id, owner, store }) =>
      Effect.gen(function*() {
        const first = plain(owner, id("s"), { userId: "first" })
        const second = plain(owner, id("s"), { userId: "second" })
        yield* commits(store, owner, [begin(first)])
        yield* commits(store, owner, [begin(first)])
        yield* commits(store, owner, [over(1, second)])
        yield* commits(store, owner, [over(1, second)])
        yield* holds(store, owner, [[second, 2]])
        yield* commits(store, owner, [over(2, first)])
        yield* commits(store, owner, [over(1, second)], [id("s")])
        yield* holds(store, owner, [[first, 3]])
      })
  },
  {
    name: "the same write under an owner lock that was taken later is lost",
    run: ({ id, owner, store }) =>
      Effect.gen(function*() {
        const state = plain(owner, id("s"))
        yield* Effect.scoped(Effect.andThen(store.lock(owner), commits(store, owner, [begin(state)])))
        yield* Effect.scoped(Effect.andThen(store.lock(owner), commits(store, owner, [begin(state)], [id("s")])))
      })
  },
  {
    name: "of many that write over the same version at once one wins",
    run: ({ id, owner, store }) =>
      Effect.gen(function*() {
        for (const version of [0, 1]) {
          const states = Array.from({ length: 12 }, (_, index) =>
            plain(owner, id("s"), { userId: `${version}-${index}` }))
          const answers = yield* Effect.forEach(states, (state) =>
            store.commit(owner, [over(version, state)]), {
            concurrency: "unbounded"
          })
          const winners = states.filter((_, index) => answers[index]?.length === 0)
          yield* check(
            winners.length === 1,
            `${winners.length} of 12 were told that they had written version ${version + 1}`
          )
          const [winner] = winners
          if (winner !== undefined) yield* holds(store, owner, [[winner, version + 1]])
        }
      })
  },
  {
    name: "a thousand sessions in one commit are all written and all loaded",
    run: ({ attempt, id, owner, store }) =>
      Effect.gen(function*() {
        const states = Array.from({ length: 1_000 }, (_, index) =>
          plain(owner, id(`s${index}`), { attempts: [attempt(`s${index}`)] }))
        yield* commits(store, owner, states.map(begin))
        yield* commits(
          store,
          owner,
          states.map((state) =>
            over(1, state)
          )
        )
        yield* holds(store, owner, states.map((state) => [state, 2]))
      })
  },
  {
    name: "a session under another's id or of another owner is a fault, and nothing of its batch is written",
    run: ({ id, other, owner, store }) =>
      Effect.gen(function*() {
        const good = begin(plain(owner, id("a")))
        const misnamed: Write = { ...begin(plain(owner, id("b"))), id: id("c") }
        yield* failsAs("StorageFault", "a session under another's id", store.commit(owner, [good, misnamed]))
        const foreign = begin(plain(other, id("d")))
        yield* failsAs("StorageFault", "a session of another owner", store.commit(owner, [good, foreign]))
        yield* holds(store, owner, [])
        yield* holds(store, other, [])
      })
  },
  {
    name: "a session of more than 1 MiB does not begin, and one that lives may grow beyond it",
    run: ({ id, owner, store }) =>
      Effect.gen(function*() {
        const large = plain(owner, id("s"), { userId: "é".repeat(524_288) })
        const small = plain(owner, id("s"))
        yield* failsAs("StorageFault", "a session of more than 1 MiB", store.commit(owner, [begin(large)]))
        yield* commits(store, owner, [begin(small)])
        yield* commits(store, owner, [over(1, large)])
        yield* holds(store, owner, [[large, 2]])
      })
  }
]
