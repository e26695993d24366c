/**
 * Where commands get the `fly` executable from; loaded when the first command needs it, never to print the help.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import type { FlyCli } from "../fly/FlyCli.ts"
import type { FlyError } from "../fly/FlyError.ts"

/** The executable in use; tests put their own here. */
export const FlyTools = Context.Reference<Layer.Layer<FlyCli, FlyError, ChildProcessSpawner>>(
  "effect-atlas/cli/FlyTools",
  {
    defaultValue: () =>
      Layer.unwrap(Effect.map(Effect.promise(() => import("../fly/FlyCli.ts")), ({ layer }) => layer()))
  }
)

/** A command's work that needs no provider: its module is loaded when the command is chosen. */
export const loading =
  <Input, E, R>(load: () => Promise<(input: Input) => Effect.Effect<void, E, R>>) =>
  (input: Input): Effect.Effect<void, E, R> => Effect.flatMap(Effect.promise(load), (run) => run(input))
