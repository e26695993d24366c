/**
 * New tokens from the fly command: one for an organization, none for a while after it made none, and who remembers that.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { FlyError, TokenStorage } from "effect-atlas/fly"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { TestClock } from "effect/testing"
import * as fs from "node:fs"
import { join } from "node:path"
import { Timeout } from "../../src/domain/AtlasError.ts"
import {
  absent,
  counting,
  exiting,
  fakeCli,
  get,
  home,
  invalidate,
  layer,
  minting,
  printing,
  refresh,
  refuse,
  setManual,
  shown,
  store
} from "./tokenHarness.ts"

const day = 86_400

const text = (app: string) => Effect.map(get(app), (token) => shown(token)[0])

/** Token files in a directory of their own; each `process` is a new layer over them, as a run of the command is. */
const shared = Effect.map(home, ({ directory }) => {
  const storage = () => TokenStorage.layerFile({ directory }).pipe(Layer.provide(NodeServices.layer))
  return {
    directory,
    process: (setting: Parameters<typeof layer>[0]) => layer({ ...setting, storage: storage() }),
    notes: () => fs.readdirSync(directory).filter((name) => name.endsWith(".mint.json")),
    note: (name: string) => fs.readFileSync(join(directory, `${name}.mint.json`), "utf8")
  }
})

describe("a fly command that made no token", () => {
  it.effect.each(
    [["fly_not_found", absent], ["fly_exit_code", exiting(1, "Error: fm2_canary")], [
      "no_token",
      printing("Update available! fm2_canary")
    ]] as const
  )(
    "is not asked by any process that shares the directory for 10 minutes: %s",
    ([kind, answer]) =>
      Effect.gen(function*() {
        yield* TestClock.setTime(1_795_980_000_000)
        const { note, notes, process } = yield* shared
        const first = fakeCli(() => answer)
        yield* Effect.gen(function*() {
          yield* setManual("web", "fm2_hand")
          assert.strictEqual(yield* text("web"), "fm2_hand")
        }).pipe(Effect.provide(process({ cli: first })))
        assert.deepStrictEqual([first.calls.length, notes()], [1, ["web.mint.json"]])
        assert.deepStrictEqual(JSON.parse(note("web")), {
          version: 1,
          mint: "web",
          failed: kind,
          at: 1_795_980_000_000
        })

        const later = counting()
        for (const pause of ["5 minutes", "299 seconds"] as const) {
          yield* TestClock.adjust(pause)
          assert.strictEqual(yield* Effect.provide(text("web"), process({ cli: later })), "fm2_hand")
        }
        assert.strictEqual(later.calls.length, 0)
        yield* TestClock.adjust("1 second")
        assert.strictEqual(yield* Effect.provide(text("web"), process({ cli: later })), "FlyV1 fm2_1")
      }).pipe(Effect.scoped)
  )

  it.effect.each(
    [
      ["set", setManual("web", "fm2_hand")],
      ["invalidate", invalidate("web")],
      ["refresh", Effect.ignore(refresh("web"))]
    ] as const
  )("is asked again at once after %s, and what was remembered is gone", ([, end]) =>
    Effect.gen(function*() {
      const { notes, process } = yield* shared
      yield* Effect.flip(Effect.provide(get("web"), process({ cli: fakeCli(() => absent) })))
      assert.deepStrictEqual(notes(), ["web.mint.json"])
      const cli = counting()
      yield* Effect.provide(end, process({ cli }))
      assert.deepStrictEqual(notes(), [])
      assert.strictEqual(yield* Effect.provide(text("web"), process({ cli })), "FlyV1 fm2_1")
      assert.strictEqual(cli.calls.length, 1)
    }).pipe(Effect.scoped))

  it.effect("is told of where there is no token at all, with what asks it again", () =>
    Effect.gen(function*() {
      const { process } = yield* shared
      const failing = fakeCli(() => exiting(1, "fm2_canary"))
      const first = yield* Effect.flip(Effect.provide(get("web"), process({ cli: failing })))
      assert.notInclude(first.message, "short while ago")
      const second = yield* Effect.flip(Effect.provide(get("web"), process({ cli: failing })))
      assert.include(second.message, "(fly_exit_code)")
      assert.include(second.message, "atlas fly token refresh web")
      assert.strictEqual(failing.calls.length, 1)
    }).pipe(Effect.scoped))

  it.effect("a note that cannot be read, or is of the future, stops nobody", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(1_795_980_000_000)
      const { directory, process } = yield* shared
      const file = join(directory, "web.mint.json")
      const spoiled = [
        () => fs.writeFileSync(file, "junk"),
        () => fs.mkdirSync(file),
        () => fs.writeFileSync(file, JSON.stringify({ version: 1, mint: "web", failed: "x", at: 1_795_990_000_000 })),
        () => fs.writeFileSync(file, JSON.stringify({ version: 1, mint: "api", failed: "x", at: 1_795_980_000_000 }))
      ]
      for (const spoil of spoiled) {
        spoil()
        const cli = counting()
        yield* Effect.gen(function*() {
          assert.strictEqual(yield* text("web"), "FlyV1 fm2_1")
          yield* invalidate("web")
        }).pipe(Effect.provide(process({ cli })))
        fs.rmSync(file, { recursive: true, force: true })
      }
    }).pipe(Effect.scoped))
})

describe("the apps of one organization", () => {
  const options = { org: "Acme" }

  it.effect("share one new token, also across processes; without an organization each app has its own", () =>
    Effect.gen(function*() {
      const { notes, process } = yield* shared
      const cli = counting()
      yield* Effect.gen(function*() {
        const tokens = yield* Effect.forEach(["web", "api", "jobs"], text, { concurrency: "unbounded" })
        assert.deepStrictEqual(tokens, ["FlyV1 fm2_1", "FlyV1 fm2_1", "FlyV1 fm2_1"])
      }).pipe(Effect.provide(process({ cli, options })))
      assert.deepStrictEqual(notes(), ["@+acme.made.mint.json"])
      const [mail, other] = yield* Effect.provide(Effect.all([get("mail"), get("other")]), process({ cli, options }))
      assert.deepStrictEqual([shown(mail)[0], mail.source, mail.expiresAt], ["FlyV1 fm2_1", "cli", day])
      assert.strictEqual(shown(other)[0], "FlyV1 fm2_1")
      assert.strictEqual(cli.calls.length, 1)
      yield* Effect.provide(Effect.all([get("one"), get("two")]), process({ cli }))
      assert.strictEqual(cli.calls.length, 3)
    }).pipe(Effect.scoped))

  it.effect("ask the fly command once when it makes none, however many they are", () =>
    Effect.gen(function*() {
      const cli = fakeCli(() => exiting(1, ""))
      const names = Array.from({ length: 100 }, (_, index) => `app-${index}`)
      yield* Effect.gen(function*() {
        yield* Effect.forEach(names, (name) => Effect.flip(get(name)), { concurrency: "unbounded" })
        assert.strictEqual(cli.calls.length, 1)
      }).pipe(Effect.provide(layer({ cli, options })))
    }))

  it.effect("have another when the host refuses it, and an app that it is refused for does not cost the others theirs", () =>
    Effect.gen(function*() {
      const cli = counting()
      yield* Effect.gen(function*() {
        yield* get("web")
        yield* get("foreign")
        yield* refuse("foreign", "FlyV1 fm2_1")
        assert.strictEqual(yield* text("foreign"), "FlyV1 fm2_2")
        yield* refuse("foreign", "FlyV1 fm2_2")
        // two were refused: no more are made for it
        assert.match(String(yield* text("foreign")), /^FlyV1 fm2_[12]$/)
        assert.strictEqual(yield* text("web"), "FlyV1 fm2_1")
        assert.strictEqual(yield* text("new"), "FlyV1 fm2_2")
        assert.strictEqual(cli.calls.length, 2)
      }).pipe(Effect.provide(layer({ cli, options })))
    }))

  it.effect("have a new one after its end, and one renewal an hour before it", () =>
    Effect.gen(function*() {
      const cli = counting()
      yield* Effect.gen(function*() {
        yield* Effect.all([get("web"), get("api")])
        yield* Effect.all([get("web"), get("api")])
        yield* TestClock.adjust("23 hours")
        yield* TestClock.adjust("1 second")
        assert.strictEqual(cli.calls.length, 2)
        assert.deepStrictEqual([yield* text("web"), yield* text("api")], ["FlyV1 fm2_2", "FlyV1 fm2_2"])
      }).pipe(Effect.provide(layer({ cli, options })))
    }))

  it.effect("have that token although the command has made none since", () =>
    Effect.gen(function*() {
      const { process } = yield* shared
      yield* Effect.provide(get("web"), process({ cli: counting(), options }))
      yield* Effect.provide(refresh("web"), process({ cli: fakeCli(() => absent), options }))
      const cli = counting()
      assert.strictEqual(yield* Effect.provide(text("api"), process({ cli, options })), "FlyV1 fm2_1")
      assert.strictEqual(cli.calls.length, 0)
    }).pipe(Effect.scoped))

  it.effect("keep a stored token of their own until its end", () =>
    Effect.gen(function*() {
      const cli = counting()
      yield* Effect.gen(function*() {
        yield* store("web", "fm2_stored", day)
        assert.strictEqual(yield* text("web"), "fm2_stored")
        assert.strictEqual(cli.calls.length, 0)
      }).pipe(Effect.provide(layer({ cli, options })))
    }))
})

it.effect("a mint that has not had its turn is not remembered as one that failed", () =>
  Effect.gen(function*() {
    const busy = new FlyError.FlyError({ operation: "token", reason: new Timeout({ message: "8 others" }) })
    const cli = fakeCli((_, nth) => nth === 1 ? Effect.fail(busy) : minting("FlyV1 fm2_2"))
    yield* Effect.gen(function*() {
      yield* Effect.flip(get("web"))
      assert.strictEqual(yield* text("web"), "FlyV1 fm2_2")
    }).pipe(Effect.provide(layer({ cli })))
  }))
