/**
 * Where commands get their providers from; the default is loaded when the first command needs one, never to print the help.
 */
import type * as CliError from "effect/cli/CliError"
import type * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { AtlasError } from "../domain/AtlasError.ts"
import type { Providers } from "../provider/Providers.ts"

/** The registry of providers; tests provide their own. */
export const Clouds = Context.Reference<Layer.Layer<Providers, AtlasError | Config.ConfigError | CliError.CliError>>(
  "effect-atlas/cli/Clouds",
  {
    defaultValue: () => Layer.unwrap(Effect.map(Effect.promise(() => import("./providers.ts")), ({ layer }) => layer))
  }
)
