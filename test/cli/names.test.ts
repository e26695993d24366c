/**
 * How a compute is named on the command line: by its id, by its slug, or by the beginning of either.
 */
import { assert, describe, it } from "@effect/vitest"
import { AtlasError, Compute, Ids, Provider } from "effect-atlas"
import * as Listing from "effect-atlas/provider/Listing"
import * as Effect from "effect/Effect"
import { passWhile } from "../../src/testing/TestTime.ts"
import { owner, run } from "./harness.ts"

interface Machine {
  readonly id: string
  readonly name: string | null
  readonly status?: Compute.ComputeStatus
}

const mine = (slug: string, attempt = "abcdefghijkl") => `atlas-${owner}-${slug}-${attempt}`
const adhoc = (slug: string, attempt = "abcdefghijkl") => `atlas-adhoc-${slug}-${attempt}`
const theirs = (slug: string, attempt = "abcdefghijkl") => `atlas-bob-${slug}-${attempt}`

/** An account with these machines, and what was asked of it. */
const account = (
  machines: ReadonlyArray<Machine>,
  { lists = true, odd = [] }: { readonly lists?: boolean; readonly odd?: ReadonlyArray<Listing.Unaddressable> } = {}
) => {
  const asked: Array<string> = []
  const gone = new Set<string>()
  const computes = machines.map(({ id, name, status = "running" }) =>
    new Compute.Compute({ id: Ids.ComputeId.make(id), provider: Ids.ProviderId.make("acme"), status, name })
  )
  const find = (verb: string, id: string) =>
    Effect.suspend(() => {
      asked.push(`${verb} ${id}`)
      const found = computes.find((compute) => compute.id === id && !gone.has(id))
      return found === undefined ? Effect.fail(new AtlasError.NotFound({ message: `no ${id}` })) : Effect.succeed(found)
    })
  const provider = Provider.neutral(Provider.make({
    id: "acme",
    settleWindow: 0,
    pollInterval: "100 millis",
    compute: {
      spawn: () => Effect.fail(new AtlasError.NoCapacity({ message: "sold out" })),
      get: (id) => find("get", id),
      list: () =>
        Effect.suspend(() => {
          asked.push("list")
          return lists
            ? Effect.succeed([...computes.filter(({ id }) => !gone.has(id)), ...odd])
            : Effect.fail(new AtlasError.ProviderFault({ message: "the list is broken", status: 400 }))
        }),
      terminate: (id) =>
        Effect.flatMap(find("end", id), () => {
          gone.add(id)
          return Effect.void
        })
    }
  }))
  return { asked, gone, surroundings: { providers: [provider] } }
}

const look = (machines: ReadonlyArray<Machine>, typed: string) =>
  Effect.map(
    run(["get", typed, "--json"], account(machines).surroundings),
    ({ err, out }) => out === "" ? JSON.parse(err).error : JSON.parse(out).id
  )

/** What `down` ended of an account. */
const ended = (machines: ReadonlyArray<Machine>, ...typed: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const { gone, surroundings } = account(machines)
    const { code, err } = yield* passWhile(run(["down", ...typed, "--json"], surroundings))
    return { code, ids: [...gone].toSorted(), error: err === "" ? null : JSON.parse(err).error }
  })

describe("a compute is named", () => {
  const machines = [
    { id: "pod-a1b2", name: adhoc("web") },
    { id: "pod-c3d4", name: mine("train") },
    { id: "xyz9", name: "My own name" }
  ]

  it.effect.each<readonly [string, string, string]>([
    ["its id", "pod-c3d4", "pod-c3d4"],
    ["its slug", "train", "pod-c3d4"],
    ["its whole name", mine("train"), "pod-c3d4"],
    ["the beginning of its id", "pod-c", "pod-c3d4"],
    ["the beginning of its slug", "tra", "pod-c3d4"]
  ])("by %s", ([, typed, id]) =>
    Effect.gen(function*() {
      assert.strictEqual(yield* look(machines, typed), id)
    }))

  it.effect("by what is no id only where that could be one, so that nothing else reaches a path", () =>
    Effect.gen(function*() {
      const { asked, surroundings } = account([{ id: "pod1", name: "a/b" }])
      const { code, err } = yield* run(["get", "a/b", "--json"], surroundings)
      assert.deepStrictEqual([code, JSON.parse(err).error.kind, asked], [1, "validation", []])
    }))

  it.effect("an id costs no listing, and always wins over a slug", () =>
    Effect.gen(function*() {
      const { asked, surroundings } = account([{ id: "web", name: adhoc("other") }, { id: "pod1", name: adhoc("web") }])
      assert.strictEqual(JSON.parse((yield* run(["get", "web", "--json"], surroundings)).out).id, "web")
      assert.notInclude(asked, "list")
    }))

  it.effect("an id works while the account cannot be listed, a slug fails with the listing's own words", () =>
    Effect.gen(function*() {
      const { gone, surroundings } = account([{ id: "pod1", name: adhoc("web") }], { lists: false })
      assert.strictEqual((yield* run(["get", "pod1"], surroundings)).code, 0)
      const { code, err } = yield* run(["get", "web"], surroundings)
      assert.strictEqual(code, 1)
      assert.include(err, "the list is broken")
      assert.strictEqual((yield* passWhile(run(["down", "web"], surroundings))).code, 1)
      assert.deepStrictEqual([...gone], [])
    }))

  it.effect("a slug is looked for too where a provider calls it no id at all", () =>
    Effect.gen(function*() {
      const { surroundings: { providers: [made] } } = account([{ id: "pod1", name: adhoc("web") }])
      if (made === undefined) return assert.fail()
      const refusing = {
        ...made,
        compute: {
          ...made.compute,
          get: (id: string) =>
            id === "web"
              ? Effect.fail(
                new AtlasError.AtlasError({
                  provider: made.id,
                  operation: "getCompute",
                  reason: new AtlasError.ProviderFault({ message: "malformed id", status: 400 })
                })
              )
              : made.compute.get(id)
        }
      }
      assert.strictEqual((yield* run(["get", "web"], { providers: [refusing] })).code, 0)
    }))

  it.effect("what nothing is called is not found", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* look(machines, "nothing")).kind, "not_found")
      // an unset variable of a script must not begin everything
      assert.strictEqual((yield* look(machines, "")).kind, "validation")
    }))

  it.effect("one name of several computes is refused, and lists them, at most ten", () =>
    Effect.gen(function*() {
      const two = [{ id: "pod1", name: adhoc("web") }, { id: "pod2", name: adhoc("web", "bbbbbbbbbbbb") }]
      const error = yield* look(two, "web")
      assert.strictEqual(error.kind, "validation")
      assert.strictEqual(error.issues[0].message, "\"web\" may be any of: pod1 (web), pod2 (web); give the id")
      const many = Array.from({ length: 12 }, (_, at) => ({ id: `p${at}x`, name: adhoc(`job-${at}`) }))
      assert.match((yield* look(many, "job-")).message, /p9x \(job-9\) and 2 more; give the id$/)
    }))

  it.effect("a whole slug comes before the beginning of another, and what goes on before what is over", () =>
    Effect.gen(function*() {
      const some = [
        { id: "pod1", name: adhoc("web") },
        { id: "pod2", name: adhoc("web-two") },
        { id: "pod3", name: adhoc("web", "bbbbbbbbbbbb"), status: "terminated" as const },
        { id: "pod4", name: adhoc("old"), status: "terminated" as const }
      ]
      assert.strictEqual(yield* look(some, "web"), "pod1")
      assert.strictEqual(yield* look(some, "old"), "pod4")
    }))

  it.effect("one's own comes before another owner's of the same name", () =>
    Effect.gen(function*() {
      assert.strictEqual(
        yield* look([{ id: "pod1", name: theirs("web") }, { id: "pod2", name: mine("web") }], "web"),
        "pod2"
      )
    }))

  it.effect("a number is never the beginning of another one", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* look([{ id: "12345", name: null }], "1234")).kind, "not_found")
      assert.strictEqual((yield* look([{ id: "pod-12", name: adhoc("a") }], "pod-1")).kind, "not_found")
      assert.strictEqual(yield* look([{ id: "12ab", name: null }], "12"), "12ab")
    }))

  it.effect("what every id of a provider begins with names none", () =>
    Effect.gen(function*() {
      for (const typed of ["ac", "acme", "acme-"]) {
        assert.strictEqual((yield* look([{ id: "acme-1b", name: null }], typed)).kind, "not_found", typed)
      }
      assert.strictEqual(yield* look([{ id: "acme-1b", name: null }], "acme-1"), "acme-1b")
    }))

  it.effect("a name with control characters is listed without them", () =>
    Effect.gen(function*() {
      const two = [{ id: "pod-a", name: "x\u001b[2J\u202ey\nz" }, { id: "pod-b", name: adhoc("b") }]
      const { err } = yield* run(["get", "pod"], account(two).surroundings)
      assert.strictEqual(
        err,
        "error [validation] id: \"pod\" may be any of: pod-a (xy z), pod-b (b); give the id"
      )
    }))

  it.effect("a slug works in await, logs, stop, start and spend too", () =>
    Effect.gen(function*() {
      for (const command of ["await", "logs", "stop", "start", "spend"]) {
        const { asked, surroundings } = account([{ id: "pod1", name: mine("web") }])
        yield* run([command, "web"], surroundings)
        assert.include(asked, "list", command)
        const refused = yield* run(
          [command, "pod"],
          account([{ id: "pod-a", name: null }, { id: "pod-b", name: null }])
            .surroundings
        )
        assert.match(refused.err, /may be any of: pod-a, pod-b/, command)
      }
    }))
})

describe("down", () => {
  it.effect("ends the one that a slug or the beginning of an id means, each once", () =>
    Effect.gen(function*() {
      const machines = [{ id: "pod-a1", name: mine("web") }, { id: "pod-b2", name: adhoc("job") }, {
        id: "other",
        name: adhoc("x")
      }]
      const { code, ids } = yield* ended(machines, "web", "pod-a", "pod-a1", "pod-b")
      assert.deepStrictEqual([code, ids], [0, ["pod-a1", "pod-b2"]])
    }))

  it.effect("does nothing for a name that may be any of several, and ends the others", () =>
    Effect.gen(function*() {
      const machines = [
        { id: "pod1", name: adhoc("web") },
        { id: "pod2", name: adhoc("web", "bbbbbbbbbbbb") },
        { id: "pod3", name: adhoc("job") }
      ]
      const { code, error, ids } = yield* ended(machines, "web", "job")
      assert.deepStrictEqual([code, ids, error.kind], [1, ["pod3"], "validation"])
      assert.match(error.message, /pod1 \(web\), pod2 \(web\)/)
      const { out } = yield* passWhile(run(["down", "web"], account(machines).surroundings))
      assert.strictEqual(out, "")
    }))

  it.effect("never ends another owner's machine, or one that atlas did not rent, by a name or a beginning", () =>
    Effect.gen(function*() {
      for (const [name, why] of [[theirs("web"), "another owner's"], ["web", "that atlas did not rent"]] as const) {
        for (const typed of ["web", "pod"]) {
          const { code, error, ids } = yield* ended([{ id: "pod-a", name }], typed)
          assert.deepStrictEqual([code, ids, error.kind], [1, [], "validation"])
          assert.include(error.message, why)
          assert.include(error.message, "pod-a (web)")
        }
        // who types the id means it
        assert.deepStrictEqual((yield* ended([{ id: "pod-a", name }], "pod-a")).ids, ["pod-a"])
      }
    }))

  it.effect("takes no beginning of a name: a script that is run twice would end the next machine", () =>
    Effect.gen(function*() {
      const { code, error, ids } = yield* ended([{ id: "pod1", name: adhoc("web-production") }], "web")
      assert.deepStrictEqual([code, ids, error.kind], [1, [], "not_found"])
    }))

  it.effect("takes no name that an entry which cannot be addressed bears as well", () =>
    Effect.gen(function*() {
      const odd = [Listing.unaddressable({ id: "a/b", name: adhoc("web", "cccccccccccc") }, "its id has a slash")]
      const { gone, surroundings } = account([{ id: "pod1", name: adhoc("web") }], { odd })
      const { code, err } = yield* passWhile(run(["down", "web"], surroundings))
      assert.deepStrictEqual([code, [...gone]], [1, []])
      assert.match(err, /may be any of: pod1 \(web\), one without a usable id \(web\)/)
    }))

  it.effect("ends nothing that is over by its name, and says that it is not there", () =>
    Effect.gen(function*() {
      const { error, ids } = yield* ended([{ id: "pod1", name: adhoc("web"), status: "terminated" }], "web")
      assert.deepStrictEqual([ids, error.kind], [[], "not_found"])
    }))

  it.effect("is what rm and kill do, as ls is ps", () =>
    Effect.gen(function*() {
      for (const word of ["rm", "kill"]) {
        const { gone, surroundings } = account([{ id: "pod1", name: adhoc("web") }])
        yield* passWhile(run([word, "web"], surroundings))
        assert.deepStrictEqual([...gone], ["pod1"])
      }
      const { surroundings } = account([{ id: "pod1", name: null }])
      assert.deepStrictEqual(yield* run(["ls"], surroundings), yield* run(["ps"], surroundings))
    }))
})
