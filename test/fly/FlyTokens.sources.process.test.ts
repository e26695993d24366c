/**
 * Where a token comes from: every source in its order, and what each of them may not do.
 */
import { assert, describe, it } from "@effect/vitest"
import { FlyError } from "effect-atlas/fly"
import * as Effect from "effect/Effect"
import { TestClock } from "effect/testing"
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import { join } from "node:path"
import {
  absent,
  type Answer,
  counting,
  exiting,
  fakeCli,
  get,
  home,
  invalidate,
  layer,
  printing,
  refresh,
  refuse,
  setManual,
  shown,
  store,
  stored
} from "./tokenHarness.ts"

const day = 86_400

/** Background writes are short: some turns of the scheduler and they are done. */
const written = Effect.forEach(Array.from({ length: 20 }), () => Effect.yieldNow, { discard: true })

describe("the order of the sources", () => {
  it.effect("storage first, then the environment, the file, the fly command, and last the token set by hand", () =>
    Effect.gen(function*() {
      const { config, directory } = yield* home
      config("access_token: fm2_file\n")
      const cli = counting()
      const test = Effect.gen(function*() {
        yield* store("web", "fm2_stored", day)
        yield* store("web", "fm2_hand", null, "manual")
        const sources = [shown(yield* get("web"))]
        for (const refused of ["fm2_stored", "fo1_env", "fm2_file", "fm2_1"]) {
          yield* refuse("web", refused)
          sources.push(shown(yield* get("web")))
        }
        return sources
      })
      const sources = yield* Effect.provide(
        test,
        layer({ cli, env: { HOME: directory, FLY_API_TOKEN: "fo1_env" }, options: { org: "acme" } })
      )
      assert.deepStrictEqual(sources, [
        ["fm2_stored", "storage", "app_server"],
        ["fo1_env", "config", "app_server"],
        ["fm2_file", "config", "app_server"],
        ["FlyV1 fm2_1", "cli", "app_server"],
        ["fm2_hand", "manual", "app_server"]
      ])
    }).pipe(Effect.scoped))

  it.effect("the second time the token comes from the cache, by its historical name ets, and no source is asked", () =>
    Effect.gen(function*() {
      const cli = counting()
      yield* Effect.gen(function*() {
        assert.deepStrictEqual(shown(yield* get("web")), ["FlyV1 fm2_1", "cli", "app_server"])
        assert.deepStrictEqual(shown(yield* get("web")), ["FlyV1 fm2_1", "ets", "facade"])
        assert.strictEqual(cli.calls.length, 1)
      }).pipe(Effect.provide(layer({ cli })))
    }))

  it.effect("no source: a failure that says what to do, and names no value", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(get("web"))
      assert.strictEqual(error.kind, "no_token")
      assert.strictEqual(error.app, "web")
      assert.include(error.message, "atlas fly token set web")
    }).pipe(Effect.provide(layer())))

  it.effect("a stored token that ends now is no token any more", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(1_000_000)
      yield* store("web", "fm2_over", 1000)
      yield* store("api", "fm2_almost", 1001)
      assert.strictEqual((yield* Effect.flip(get("web"))).kind, "no_token")
      assert.deepStrictEqual(shown(yield* get("api")), ["fm2_almost", "storage", "app_server"])
    }).pipe(Effect.provide(layer())))

  it.effect.each(["../web", "a/b", "", "web app", "x".repeat(300), "-web"])(
    "a name such as %j is refused first",
    (app) =>
      Effect.gen(function*() {
        const cli = counting()
        yield* Effect.gen(function*() {
          for (const call of [get(app), refresh(app), invalidate(app), setManual(app, "fm2_x")]) {
            assert.strictEqual((yield* Effect.flip(call)).kind, "validation")
          }
        }).pipe(Effect.provide(layer({ cli })))
        assert.deepStrictEqual(cli.calls, [])
      })
  )
})

describe("the environment", () => {
  it.effect("FLY_ACCESS_TOKEN before FLY_API_TOKEN, an empty one is not set", () =>
    Effect.gen(function*() {
      const both = { FLY_ACCESS_TOKEN: "FlyV1 fm2_first,fm2_x", FLY_API_TOKEN: "fo1_second" }
      const first = yield* Effect.provide(get("web"), layer({ env: both }))
      assert.deepStrictEqual(shown(first), ["FlyV1 fm2_first,fm2_x", "config", "app_server"])
      assert.isNull(first.expiresAt)
      const second = yield* Effect.provide(get("web"), layer({ env: { ...both, FLY_ACCESS_TOKEN: "" } }))
      assert.deepStrictEqual(shown(second), ["fo1_second", "config", "app_server"])
    }))

  it.effect("is never stored, and can be switched off", () =>
    Effect.gen(function*() {
      const env = { FLY_API_TOKEN: "fo1_env" }
      yield* Effect.gen(function*() {
        yield* get("web")
        yield* written
        assert.isNull(yield* stored("web"))
      }).pipe(Effect.provide(layer({ env })))
      const error = yield* Effect.flip(Effect.provide(get("web"), layer({ env, options: { environment: false } })))
      assert.strictEqual(error.kind, "no_token")
    }))

  it.effect("what is no token is passed over", () =>
    Effect.gen(function*() {
      const env = { FLY_ACCESS_TOKEN: "two\nlines", FLY_API_TOKEN: "fo1_env" }
      assert.deepStrictEqual(shown(yield* Effect.provide(get("web"), layer({ env })))[0], "fo1_env")
    }))
})

describe("the fly command's file", () => {
  it.effect.each<readonly [string, string, string | null]>([
    ["plain", "access_token: fm2_a,fo1_b\nlast_login: 2026-11-02T08:00:00Z\n", "fm2_a,fo1_b"],
    ["double quotes", "access_token: \"fm2_a\"\n", "fm2_a"],
    ["single quotes", "access_token: 'fm2_a'\n", "fm2_a"],
    ["folded over lines", "access_token: >-\n  fm2_a\nmetrics_token: fm2_m\n", "fm2_a"],
    ["CRLF and a BOM", "\ufeffaccess_token: fm2_a\r\nauto_update: true\r\n", "fm2_a"],
    [
      "as fly writes it",
      `${
        [
          "access_token: FlyV1 fm2_lJPE==,fm2_b/+,fo1_c",
          "last_login: 2026-11-02T08:00:00.123456+01:00",
          "auto_update: true",
          "wire_guard_state:",
          "    personal:",
          "        dns: ''",
          "        peer:",
          "            peerip: fdaa:0:1::3",
          "            pubkey: x+/y="
        ].join("\n")
      }\n`,
      "FlyV1 fm2_lJPE==,fm2_b/+,fo1_c"
    ],
    ["on the line after its key", "access_token:\n    fm2_a\n", "fm2_a"],
    ["after a comment and the mark of a document", "# mine\n---\naccess_token: fm2_a\n", "fm2_a"],
    ["no token", "metrics_token: fm2_m\n", null],
    ["an empty token", "access_token: \"\"\n", null],
    ["another key's child", "other:\n  access_token: fm2_a\n", null],
    ["a list", "access_token: [fm2_a]\n", null],
    ["no YAML", "access_token: \"fm2_a\n  : - [", null],
    ["binary junk", "\u0000\u0001access_token", null],
    ["a token of several lines", "access_token: |\n  fm2_a\n  fm2_b\n", null],
    ["nothing", "", null]
  ])("is read as YAML: %s", ([, text, expected]) =>
    Effect.gen(function*() {
      const { config, directory } = yield* home
      config(text)
      const exit = yield* Effect.result(Effect.provide(get("web"), layer({ env: { HOME: directory } })))
      assert.strictEqual(exit._tag === "Success" ? shown(exit.success)[0] : null, expected)
    }).pipe(Effect.scoped))

  it.effect("FLY_CONFIG_DIR comes before HOME", () =>
    Effect.gen(function*() {
      const { config, directory } = yield* home
      config("access_token: fm2_home")
      config("access_token: fm2_elsewhere", join("elsewhere", "config.yml"))
      const env = { HOME: directory, FLY_CONFIG_DIR: join(directory, "elsewhere") }
      assert.strictEqual(shown(yield* Effect.provide(get("web"), layer({ env })))[0], "fm2_elsewhere")
    }).pipe(Effect.scoped))

  it.effect("a directory, a pipe, a loop of links and no file at all are no token and no hang", () =>
    Effect.gen(function*() {
      const { directory } = yield* home
      const file = join(directory, "config.yml")
      const make: ReadonlyArray<() => void> = [
        () => fs.mkdirSync(file),
        () => fs.symlinkSync(file, file),
        () => fs.symlinkSync("/dev/zero", file),
        () => void execFileSync("sh", ["-c", "mkfifo \"$1\"", "sh", file]),
        () => {}
      ]
      for (const one of make) {
        one()
        const error = yield* Effect.flip(Effect.provide(get("web"), layer({ env: { FLY_CONFIG_DIR: directory } })))
        assert.strictEqual(error.kind, "no_token")
        fs.rmSync(file, { recursive: true, force: true })
      }
    }).pipe(Effect.scoped))

  it.effect("is kept five minutes at most, and read again when it has changed", () =>
    Effect.gen(function*() {
      const { config, directory } = yield* home
      config("access_token: fm2_one\n")
      yield* Effect.gen(function*() {
        const first = yield* get("web")
        assert.deepStrictEqual([shown(first), first.expiresAt], [["fm2_one", "config", "app_server"], 300])
        yield* TestClock.adjust("2 seconds")
        // unchanged: the file is checked, and the token keeps its end
        const again = yield* get("web")
        assert.deepStrictEqual([shown(again), again.expiresAt], [["fm2_one", "ets", "app_server"], 300])
        // a file system may give two writes at the same moment one time
        fs.utimesSync(config("access_token: fm2_two\n"), 1, 2)
        yield* TestClock.adjust("2 seconds")
        const changed = yield* get("web")
        assert.deepStrictEqual([shown(changed), changed.expiresAt], [["fm2_two", "config", "app_server"], 304])
        yield* TestClock.adjust("5 minutes")
        assert.deepStrictEqual(shown(yield* get("web")), ["fm2_two", "config", "app_server"])
      }).pipe(Effect.provide(layer({ env: { HOME: directory } })))
    }).pipe(Effect.scoped))

  it.effect("is not stored unless that is asked for, and can be switched off", () =>
    Effect.gen(function*() {
      const { config, directory } = yield* home
      config("access_token: fm2_file\n")
      const env = { HOME: directory }
      const kept = (options: object) =>
        get("web").pipe(
          Effect.andThen(written),
          Effect.andThen(stored("web")),
          Effect.provide(layer({ env, options }))
        )
      assert.isNull(yield* kept({}))
      assert.deepStrictEqual(yield* kept({ persistConfigFile: true }), ["fm2_file", 300])
      assert.strictEqual((yield* Effect.flip(kept({ configFile: false }))).kind, "no_token")
    }).pipe(Effect.scoped))
})

describe("the fly command", () => {
  it.effect("is asked for a read-only token with an end, a name and an organization, as JSON, and never given a token", () =>
    Effect.gen(function*() {
      const cli = counting()
      const env = { FLY_ORG: "acme", FLY_API_TOKEN: "fo1_env" }
      yield* Effect.gen(function*() {
        const token = yield* get("web")
        assert.strictEqual(token.expiresAt, day)
        yield* written
        assert.deepStrictEqual(yield* stored("web"), ["FlyV1 fm2_1", day])
      }).pipe(Effect.provide(layer({ cli, env, options: { environment: false } })))
      const [call] = cli.calls
      assert.deepStrictEqual(call?.args, [
        "tokens",
        "create",
        "readonly",
        "--expiry",
        "25h0m0s",
        "--json",
        "--name",
        "effect-atlas web",
        "--org",
        "acme"
      ])
      assert.deepStrictEqual(call?.options?.env, { FLY_ACCESS_TOKEN: undefined, FLY_API_TOKEN: undefined })
    }))

  it.effect("the organization is an option, or ATLAS_FLY_ORG, or FLY_ORG, or none; one that looks like a flag is refused", () =>
    Effect.gen(function*() {
      const orgOf = (env: Readonly<Record<string, string>>, org?: string) => {
        const cli = counting()
        return get("web").pipe(
          Effect.provide(layer({ cli, env, options: { org } })),
          Effect.map(() => cli.calls[0]?.args.slice(8))
        )
      }
      const env = { ATLAS_FLY_ORG: "ours", FLY_ORG: "theirs" }
      assert.deepStrictEqual(yield* orgOf(env, "mine"), ["--org", "mine"])
      assert.deepStrictEqual(yield* orgOf(env), ["--org", "ours"])
      assert.deepStrictEqual(yield* orgOf({ FLY_ORG: "theirs" }), ["--org", "theirs"])
      assert.deepStrictEqual(yield* orgOf({}), [])
      const error = yield* Effect.flip(orgOf({}, "--access-token=x"))
      assert.deepStrictEqual(error.reason._tag === "Validation" ? error.reason.issues[0]?.path : null, "org")
    }))

  it.effect.each<readonly [string, string, string | null]>([
    ["JSON", "{\n    \"token\": \"FlyV1 fm2_a,fm2_b\"\n}\n", "FlyV1 fm2_a,fm2_b"],
    ["the token alone", "FlyV1 fm2_a,fm2_b\n", "FlyV1 fm2_a,fm2_b"],
    ["an update notice before it", "Update available 0.1 -> 0.2\n{\"token\":\"FlyV1 fm2_a\"}", null],
    ["several lines", "FlyV1 fm2_a\nFlyV1 fm2_b\n", null],
    ["colours", "\u001b[32mFlyV1 fm2_a\u001b[0m", null],
    ["colours in JSON", "{\"token\":\"\\u001b[32mFlyV1 fm2_a\"}", null],
    ["a sentence", "Error: not logged in", null],
    ["a word", "Warning", null],
    ["JSON without a token", "{\"error\":\"fm2_a\"}", null],
    ["nothing", "", null]
  ])("only what is one token of Fly's is taken from its output: %s", ([, stdout, expected]) =>
    Effect.gen(function*() {
      const cli = fakeCli(() => printing(stdout, "FlyV1 fm2_of_stderr\n"))
      yield* Effect.gen(function*() {
        const result = yield* Effect.result(get("web"))
        assert.strictEqual(result._tag === "Success" ? shown(result.success)[0] : null, expected)
        yield* written
        assert.strictEqual((yield* stored("web"))?.[0] ?? null, expected)
      }).pipe(Effect.provide(layer({ cli })))
    }))

  it.effect.each<readonly [string, Answer]>([
    ["it is not installed", absent],
    ["it fails", exiting(1, "Error: slug argument must be specified when not running interactively")],
    ["it breaks", Effect.die(new Error("canary"))],
    [
      "it takes too long",
      Effect.fail(new FlyError.FlyError({ operation: "token", reason: new FlyError.FlyTimeout({ limit: "absolute" }) }))
    ]
  ])("the token set by hand is used when %s", ([, answer]) =>
    Effect.gen(function*() {
      const cli = fakeCli(() => answer)
      yield* Effect.gen(function*() {
        yield* setManual("web", "FlyV1 fm2_hand")
        const token = yield* get("web")
        assert.deepStrictEqual([shown(token), token.expiresAt], [["FlyV1 fm2_hand", "manual", "app_server"], null])
        // a manual one is not put in the cache
        assert.deepStrictEqual(shown(yield* get("web")), ["FlyV1 fm2_hand", "manual", "app_server"])
        assert.strictEqual(cli.calls.length, 1)
      }).pipe(Effect.provide(layer({ cli })))
    }))

  it.effect("can be switched off", () =>
    Effect.gen(function*() {
      const cli = counting()
      yield* Effect.flip(Effect.provide(get("web"), layer({ cli, options: { cli: false } })))
      assert.deepStrictEqual(cli.calls, [])
    }))
})

describe("a token set by hand", () => {
  it.effect("is stored before setManual returns; an empty one, or several lines, are refused", () =>
    Effect.gen(function*() {
      yield* setManual("web", "  FlyV1 fm2_hand\n")
      assert.deepStrictEqual(yield* stored("web", "manual"), ["FlyV1 fm2_hand", null])
      for (const bad of ["", "  ", "two\nlines", "three words here"]) {
        const error = yield* Effect.flip(setManual("web", bad))
        assert.deepStrictEqual(error.reason._tag === "Validation" ? error.reason.issues[0]?.path : null, "token")
      }
      assert.deepStrictEqual(yield* stored("web", "manual"), ["FlyV1 fm2_hand", null])
    }).pipe(Effect.provide(layer())))

  it.effect("stays when the app's token is invalidated or refreshed", () =>
    Effect.gen(function*() {
      yield* setManual("web", "fm2_hand")
      yield* get("web")
      yield* invalidate("web")
      assert.strictEqual(shown(yield* get("web"))[0], "fm2_hand")
      assert.strictEqual(shown(yield* refresh("web"))[0], "fm2_hand")
    }).pipe(Effect.provide(layer())))
})
