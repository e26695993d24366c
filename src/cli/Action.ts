/**
 * How a command reaches its work: the module with it is loaded when the command is chosen, never to print the help.
 */
import type * as CliError from "effect/cli/CliError"
import type * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { AtlasError } from "../domain/AtlasError.ts"
import type { Providers } from "../provider/Providers.ts"
import { Clouds } from "./Clouds.ts"
import type { Shell } from "./Shell.ts"

// loaded with the work itself: it brings the providers' own code with it
const watched = Layer.unwrap(Effect.map(Effect.promise(() => import("./Watched.ts")), ({ layer }) => layer))

/** Work that needs no provider. */
export const action =
  <Input, E, R>(load: () => Promise<(input: Input) => Effect.Effect<void, E, R>>) =>
  (input: Input): Effect.Effect<void, E, R> => Effect.flatMap(Effect.promise(load), (run) => run(input))

/** Work that is given the registry of providers. */
export const actionWithProviders = <Input, E, R>(load: () => Promise<(input: Input) => Effect.Effect<void, E, R>>) =>
(
  input: Input
): Effect.Effect<void, E | AtlasError | Config.ConfigError | CliError.CliError, Exclude<R, Providers> | Shell> =>
  Effect.gen(function*() {
    const run = yield* Effect.promise(load)
    return yield* Effect.provide(run(input), Layer.provide(watched, yield* Clouds))
  })
