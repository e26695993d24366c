/** What every session store promises, each as an effect that ends in a failure when the promise is broken. */
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Option from "effect/Option"
import type { AtlasError } from "../../domain/AtlasError.ts"
import type { AttemptId, SessionId } from "../../orchestrator/session/Ids.ts"
import type { SessionState } from "../../orchestrator/session/State.ts"
import type { SessionStore, Write } from "../../orchestrator/SessionStore.ts"
import type { Owner } from "../../provider/NameStamp.ts"
import { plain, samples } from "./sessionSamples.ts"
import { check, type ConformanceFailure, failsAs } from "./trial.ts"

export type Failed = ConformanceFailure | AtlasError

/** How a stored row is spoilt. */
export type Spoilt = "not JSON" | "a newer form" | "another form"

export type Store = SessionStore["Service"]

/** What a case works with: the store, the same one opened anew, and owners, ids and attempts that nobody else uses. */
export interface Trial {
  readonly store: Store
  readonly again: (use: (store: Store) => Effect.Effect<void, Failed>) => Effect.Effect<void, Failed>
  readonly spoil: (id: SessionId, how: Spoilt) => Effect.Effect<void>
  readonly owner: Owner
  readonly other: Owner
  readonly id: (name: string) => SessionId
  readonly attempt: (name: string) => AttemptId
}

export interface Definition {
  readonly name: string
  /** Only where the options have this. */
  readonly needs?: "again" | "spoil"
  readonly run: (trial: Trial) => Effect.Effect<void, Failed>
}

/** Asks for an attempt and expects its session, or none. */
const finds = (
  store: Store,
  owner: Owner,
  attempt: AttemptId,
  expected: SessionId | null
): Effect.Effect<void, Failed> =>
  Effect.flatMap(store.attempt(owner, attempt), (found) =>
    check(
      Option.getOrNull(found) === expected,
      expected === null ? "an attempt was found that nobody has" : "an attempt was not found at its session"
    ))

/** Commits and expects these ids to be answered, in any order. */
const commits = (
  store: Store,
  owner: Owner,
  writes: ReadonlyArray<Write>,
  lost: ReadonlyArray<SessionId> = []
): Effect.Effect<void, Failed> =>
  Effect.flatMap(store.commit(owner, writes), (answer) =>
    check(
      Equal.equals(answer.toSorted(), lost.toSorted()),
      `a commit of ${writes.length} rows answered ${answer.length} lost ids, and should have answered ${lost.length}`
    ))

/** Loads and expects these sessions, each at the version given, and no row that cannot be read. */
const holds = (
  store: Store,
  owner: Owner,
  expected: ReadonlyArray<readonly [SessionState, number]>
): Effect.Effect<void, Failed> =>
  Effect.gen(function*() {
    const { sessions, unreadable } = yield* store.load(owner)
    yield* check(unreadable.length === 0, `${unreadable.length} rows cannot be read: ${unreadable[0]?.message}`)
    const found = new Map(sessions.map((session) => [session.spec.id, session]))
    yield* check(
      found.size === expected.length && sessions.length === expected.length,
      `${sessions.length} sessions were loaded, and should be ${expected.length}`
    )
    for (const [{ spec: { id }, ...state }, version] of expected) {
      const session = found.get(id)
      yield* check(
        session?.version === version,
        `a session has the version ${session?.version}, and should have ${version}`
      )
      const wanted = { ...state, version }
      for (const [field, value] of Object.entries(wanted)) {
        const is = Object.entries(session ?? {}).find(([name]) => name === field)?.[1]
        yield* check(Equal.equals(is, value), `${field} of a session came back as something else`)
      }
    }
  })

const begin = (state: SessionState): Write => ({ id: state.spec.id, version: 0, state })
const over = (version: number, state: SessionState): Write => ({ id: state.spec.id, version, state })
const remove = (version: number, id: SessionId): Write => ({ id, version, state: null })

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
    name: "the very same write again, as after a lost answer, counts as written until somebody writes over it",
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
    name: "the same write from a seat that was taken later is lost",
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
  },
  {
    name: "an attempt is found at its session, for its owner alone",
    run: ({ attempt, id, other, owner, store }) =>
      Effect.gen(function*() {
        yield* finds(store, owner, attempt("a"), null)
        const one = plain(owner, id("one"), { attempts: [attempt("a")] })
        const two = plain(owner, id("two"), { attempts: [attempt("c"), attempt("d")] })
        yield* commits(store, owner, [begin(one), begin(two)])
        yield* commits(store, owner, [over(1, plain(owner, id("one"), { attempts: [attempt("a"), attempt("b")] }))])
        for (const [name, session] of [["a", "one"], ["b", "one"], ["c", "two"], ["d", "two"]] as const) {
          yield* finds(store, owner, attempt(name), id(session))
          yield* finds(store, other, attempt(name), null)
        }
        yield* finds(store, owner, attempt("e"), null)
      })
  },
  {
    name: "an attempt that its session has no more, or whose session was deleted, is not found",
    run: ({ attempt, id, owner, store }) =>
      Effect.gen(function*() {
        yield* commits(store, owner, [begin(plain(owner, id("s"), { attempts: [attempt("a"), attempt("b")] }))])
        yield* commits(store, owner, [over(1, plain(owner, id("s"), { attempts: [attempt("b"), attempt("c")] }))])
        yield* finds(store, owner, attempt("a"), null)
        yield* finds(store, owner, attempt("b"), id("s"))
        yield* finds(store, owner, attempt("c"), id("s"))
        yield* commits(store, owner, [remove(2, id("s"))])
        yield* finds(store, owner, attempt("b"), null)
      })
  },
  {
    name: "a write that is lost leaves the attempts as they are",
    run: ({ attempt, id, owner, store }) =>
      Effect.gen(function*() {
        yield* commits(store, owner, [begin(plain(owner, id("s"), { attempts: [attempt("a")] }))])
        yield* commits(store, owner, [over(5, plain(owner, id("s"), { attempts: [attempt("b")] }))], [id("s")])
        yield* finds(store, owner, attempt("a"), id("s"))
        yield* finds(store, owner, attempt("b"), null)
      })
  },
  {
    name: "what was committed is there when the store is opened anew, and rows meet there",
    needs: "again",
    run: ({ again, attempt, id, owner, store }) =>
      Effect.gen(function*() {
        const first = plain(owner, id("s"), { attempts: [attempt("a")], userId: "first" })
        const second = plain(owner, id("s"), { attempts: [attempt("a"), attempt("b")], userId: "second" })
        yield* commits(store, owner, [begin(first)])
        yield* again((other) =>
          Effect.gen(function*() {
            yield* holds(other, owner, [[first, 1]])
            yield* finds(other, owner, attempt("a"), id("s"))
            // the same text from another hand is no repetition
            yield* commits(other, owner, [begin(first)], [id("s")])
            yield* commits(other, owner, [over(1, second)])
          })
        )
        yield* commits(store, owner, [over(1, second)], [id("s")])
        yield* holds(store, owner, [[second, 2]])
        yield* finds(store, owner, attempt("b"), id("s"))
        yield* finds(store, owner, attempt("c"), null)
      })
  },
  {
    name: "a row that cannot be read is told by its id and not shown, and keeps nobody from the others",
    needs: "spoil",
    run: ({ id, owner, spoil, store }) =>
      Effect.gen(function*() {
        const good = plain(owner, id("good"))
        yield* commits(store, owner, [begin(good)])
        for (const how of ["not JSON", "a newer form", "another form"] as const) {
          const bad = plain(owner, id(`bad-${how.replaceAll(" ", "-")}`), { userId: "canary-7f3a" })
          yield* commits(store, owner, [begin(bad)])
          yield* spoil(bad.spec.id, how)
          const { sessions, unreadable } = yield* store.load(owner)
          const [row] = unreadable
          yield* check(
            unreadable.length === 1 && row?.id === bad.spec.id,
            `${how}: ${unreadable.length} rows were told as unreadable, and not just that one`
          )
          yield* check(row !== undefined && row.message.length > 0, `${how}: nothing says why it cannot be read`)
          yield* check(row?.message.includes("canary") === false, `${how}: what says why shows the row`)
          yield* check(sessions.length === 1, `${how}: ${sessions.length} sessions were loaded, and should be 1`)
          yield* commits(store, owner, [remove(1, bad.spec.id)])
        }
        yield* holds(store, owner, [[good, 1]])
      })
  },
  {
    name: "while a row cannot be read, an attempt that is found is an answer and none is not",
    needs: "spoil",
    run: ({ attempt, id, other, owner, spoil, store }) =>
      Effect.gen(function*() {
        const good = plain(owner, id("good"), { attempts: [attempt("a")] })
        const bad = plain(owner, id("bad"), { attempts: [attempt("b")], userId: "canary-7f3a" })
        yield* commits(store, owner, [begin(good), begin(bad)])
        yield* finds(store, owner, attempt("c"), null)
        for (const how of ["a newer form", "another form", "not JSON"] as const) {
          yield* spoil(bad.spec.id, how)
          yield* finds(store, owner, attempt("a"), id("good"))
          const { message } = yield* failsAs(
            "StorageFault",
            `${how}: an attempt nobody has`,
            store.attempt(owner, attempt("c"))
          )
          yield* check(!message.includes("canary"), `${how}: the failure shows the row`)
          // another owner has nothing to do with it
          yield* finds(store, other, attempt("c"), null)
        }
        yield* commits(store, owner, [remove(1, bad.spec.id)])
        yield* finds(store, owner, attempt("c"), null)
      })
  }
]
