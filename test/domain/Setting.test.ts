import { assert, describe, it } from "@effect/vitest"
import * as Setting from "effect-atlas/domain/Setting"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"

const readWith = (provider: ConfigProvider.ConfigProvider) =>
  Effect.provideService(Setting.read("ACME_BASE_URL"), ConfigProvider.ConfigProvider, provider)

describe("a setting", () => {
  it.effect("is the text of the environment, also where longer names begin with its own", () =>
    Effect.gen(function*() {
      const env = { ACME_BASE_URL: "https://a.example", ACME_BASE_URL_OLD: "https://b.example" }
      assert.strictEqual(yield* readWith(ConfigProvider.fromEnvRecord(env)), "https://a.example")
    }))

  it.effect.each([{}, { ACME_BASE_URL: "" }, { ACME_BASE_URL_OLD: "x" }])(
    "is null when missing or empty: %j",
    (env) =>
      Effect.gen(function*() {
        assert.isNull(yield* readWith(ConfigProvider.fromEnvRecord(env)))
      })
  )

  it.effect("fails as Config does when the source itself cannot be read", () =>
    Effect.gen(function*() {
      const broken = ConfigProvider.make(() => Effect.fail(new ConfigProvider.SourceError({ message: "no disk" })))
      const error = yield* Effect.flip(readWith(broken))
      assert.strictEqual(error._tag, "ConfigError")
      for (const part of ["no disk", "ACME_BASE_URL"]) assert.include(error.message, part)
    }))
})
