/**
 * Where commands get the `fly` executable from; the default is loaded when the first command needs it, never to print the help.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import type { FlyCli } from "../fly/FlyCli.ts"
import type { FlyError } from "../fly/FlyError.ts"

/** The executable in use; tests provide their own. */
export const FlyTools = Context.Reference<Layer.Layer<FlyCli, FlyError, ChildProcessSpawner>>(
  "effect-atlas/cli/FlyTools",
  {
    defaultValue: () =>
      Layer.unwrap(Effect.map(Effect.promise(() => import("../fly/FlyCli.ts")), ({ layer }) => layer()))
  }
)
