/** What every session store promises of attempts, of rows that cannot be read, and of itself when it is opened anew. */
import * as Effect from "effect/Effect"
import { loadAll } from "../../orchestrator/SessionStore.ts"
import { plain } from "./sessionSamples.ts"
import { begin, commits, type Definition, finds, holds, over, remove } from "./sessionTrial.ts"
import { check } from "./trial.ts"

export const sessionAttemptCases: ReadonlyArray<Definition> = [
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
            // the same row from another process is no repetition
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
    name: "a row that cannot be read is reported by its id without its text, and the others are loaded",
    needs: "spoil",
    run: ({ id, owner, spoil, store }) =>
      Effect.gen(function*() {
        const good = plain(owner, id("good"))
        yield* commits(store, owner, [begin(good)])
        for (const how of ["not JSON", "a newer form", "another form"] as const) {
          const bad = plain(owner, id(`bad-${how.replaceAll(" ", "-")}`), { userId: "canary-7f3a" })
          yield* commits(store, owner, [begin(bad)])
          yield* spoil(bad.spec.id, how)
          const { sessions, unreadable } = yield* loadAll(store, owner)
          const [row] = unreadable
          yield* check(
            unreadable.length === 1 && row?.id === bad.spec.id,
            `${how}: ${unreadable.length} rows were reported as unreadable, and should be just that one`
          )
          yield* check(row !== undefined && row.message.length > 0, `${how}: nothing says why it cannot be read`)
          yield* check(row?.message.includes("canary") === false, `${how}: the reason shows the row`)
          yield* check(sessions.length === 1, `${how}: ${sessions.length} sessions were loaded, and should be 1`)
          yield* commits(store, owner, [remove(1, bad.spec.id)])
        }
        yield* holds(store, owner, [[good, 1]])
      })
  },
  {
    name: "while a row cannot be read, attempts of all rows are found, its own too, and it may have no other",
    needs: "spoil",
    run: ({ attempt, id, other, owner, spoil, store }) =>
      Effect.gen(function*() {
        const good = plain(owner, id("good"), { attempts: [attempt("a")] })
        const bad = plain(owner, id("bad"), { attempts: [attempt("b")], userId: "canary-7f3a" })
        yield* commits(store, owner, [begin(good), begin(bad)])
        for (const how of ["a newer form", "another form", "not JSON"] as const) {
          yield* spoil(bad.spec.id, how)
          const { sessions, unknown } = yield* store.attempts(owner, [attempt("a"), attempt("b"), attempt("c")])
          yield* check(
            sessions.size === 2 && sessions.get(attempt("a")) === id("good") &&
              sessions.get(attempt("b")) === id("bad"),
            `${how}: it does not answer for each attempt the session that has it`
          )
          yield* check(unknown.length === 0, `${how}: a row whose attempts are known counts as one that may have any`)
          // another owner has nothing to do with it
          yield* finds(store, other, attempt("b"), null)
        }
      })
  },
  {
    name:
      "a row that cannot be read, and of which no attempt is known, may have any: it is named, with when it was written",
    needs: "spoil",
    run: ({ attempt, id, other, owner, spoil, store }) =>
      Effect.gen(function*() {
        const good = plain(owner, id("good"), { attempts: [attempt("a")] })
        const bad = plain(owner, id("bad"), { attempts: [], userId: "canary-7f3a" })
        yield* commits(store, owner, [begin(good), begin(bad)])
        for (const how of ["a newer form", "another form", "not JSON"] as const) {
          yield* spoil(bad.spec.id, how)
          const { sessions, unknown } = yield* store.attempts(owner, [attempt("a"), attempt("c")])
          yield* check(
            sessions.size === 1 && sessions.has(attempt("a")),
            `${how}: an attempt was not found at its session`
          )
          const [row] = unknown
          yield* check(unknown.length === 1 && row?.id === bad.spec.id, `${how}: the row is not named`)
          yield* check(row?.message.includes("canary") === false, `${how}: the reason shows the row`)
          yield* check(row?.version === 1, `${how}: its version is ${row?.version}, and should be 1`)
          const theirs = yield* store.attempts(other, [attempt("c")])
          yield* check(theirs.unknown.length === 0, `${how}: the row is named to another owner`)
        }
        yield* commits(store, owner, [remove(1, bad.spec.id)])
        const { unknown } = yield* store.attempts(owner, [attempt("c")])
        yield* check(unknown.length === 0, "a row that was deleted is named")
      })
  }
]
