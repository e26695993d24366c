/**
 * New tokens from a real executable: one that cannot be asked to end, and one that leaves something behind.
 */
import { assert, it } from "@effect/vitest"
import { FlyTokens, TokenStorage } from "effect-atlas/fly"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { isGroupAlive } from "../e2e/harness.ts"
import { inPlace, layer as cli, type Place } from "./harness.ts"
import { get, setManual, shown } from "./tokenHarness.ts"

/** Tokens over the stand-in; a grace before KILL would be seen as a test that takes a minute. */
const tokens = (place: Place, how: string) =>
  FlyTokens.layer({ cliTimeout: "1 second", environment: false, configFile: false }).pipe(
    Layer.provide([
      TokenStorage.layerMemory,
      cli({
        killGrace: "1 minute",
        env: { ...place.env(), FAKE_FLY_TOKENS: how, FAKE_FLY_TOKEN: "FlyV1 fm2_made" }
      })
    ]),
    Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnvRecord({})))
  )

it.live("a fly command that ignores TERM is killed at its limit with its children, and the token set by hand is used", () =>
  inPlace((place) =>
    Effect.gen(function*() {
      yield* setManual("web", "fm2_hand")
      assert.strictEqual(shown(yield* get("web"))[0], "fm2_hand")
      assert.deepStrictEqual(place.runs().map(({ pid }) => isGroupAlive(pid)), [false])
    }).pipe(Effect.provide(tokens(place, "stubborn")))
  ))

it.live("a token is good although the fly command leaves a child that ignores TERM and holds its streams", () =>
  inPlace((place) =>
    Effect.gen(function*() {
      assert.deepStrictEqual(shown(yield* get("web")), ["FlyV1 fm2_made", "cli", "app_server"])
      assert.deepStrictEqual(place.runs().map(({ pid }) => isGroupAlive(pid)), [false])
    }).pipe(Effect.provide(tokens(place, "leaves-child")))
  ))
