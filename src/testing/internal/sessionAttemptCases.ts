/** What every session store promises of attempts, of rows that cannot be read, and of itself when it is opened anew. */
import * as Effect from "effect/Effect"
import { plain } from "./sessionSamples.ts"
import { begin, commits, type Definition, finds, holds, over, remove } from "./sessionTrial.ts"
import { check, failsAs } from "./trial.ts"

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
          const { sessions, unreadable } = yield* store.load(owner)
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
    name: "while a row cannot be read, an attempt of another row is found, and an attempt of none fails as unknown",
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
            `${how}: an attempt of no session`,
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
