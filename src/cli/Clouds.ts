/**
 * Where commands get their providers from; loaded when the first command needs one, never to print the help.
 */
import type * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { AtlasError } from "../domain/AtlasError.ts"
import type { Providers } from "../provider/Providers.ts"

/** The registry of providers; tests put their own here. */
export const Clouds = Context.Reference<Layer.Layer<Providers, AtlasError | Config.ConfigError>>(
  "effect-atlas/cli/Clouds",
  {
    defaultValue: () => Layer.unwrap(Effect.map(Effect.promise(() => import("./providers.ts")), ({ layer }) => layer))
  }
)

/**
 * A command's work: its module is loaded when the command is chosen, and gets the providers in reach.
 */
export const using = <Input, E, R>(
  load: () => Promise<(input: Input) => Effect.Effect<void, E, R>>
) =>
(input: Input): Effect.Effect<void, E | AtlasError | Config.ConfigError, Exclude<R, Providers>> =>
  Effect.gen(function*() {
    const run = yield* Effect.promise(load)
    return yield* Effect.provide(run(input), yield* Clouds)
  })
