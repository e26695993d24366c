/**
 * How a command reaches its work: the module with it is loaded when the command is chosen, never to print the help.
 */
import type * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { AtlasError } from "../domain/AtlasError.ts"
import type { Providers } from "../provider/Providers.ts"
import { Clouds } from "./Clouds.ts"
import * as Made from "./Made.ts"

/** Work that needs no provider. */
export const action =
  <Input, E, R>(load: () => Promise<(input: Input) => Effect.Effect<void, E, R>>) =>
  (input: Input): Effect.Effect<void, E, R> => Effect.flatMap(Effect.promise(load), (run) => run(input))

/** Work that is given the registry of providers. */
export const actionWithProviders =
  <Input, E, R>(load: () => Promise<(input: Input) => Effect.Effect<void, E, R>>) =>
  (input: Input): Effect.Effect<void, E | AtlasError | Config.ConfigError, Exclude<R, Providers>> =>
    Effect.gen(function*() {
      const run = yield* Effect.promise(load)
      return yield* Effect.provide(run(input), Layer.provide(Made.layer, yield* Clouds))
    })
