/**
 * What `atlas fly apps` does.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as FlyApps from "../../../fly/FlyApps.ts"
import { Shell } from "../../Shell.ts"
import * as Table from "../../Table.ts"

/** Prints the apps found. */
export const run = ({ depth, directory }: {
  readonly directory: Option.Option<string>
  readonly depth: Option.Option<number>
}) =>
  Effect.gen(function*() {
    const { directory: here, hasColor: color, invocation, out } = yield* Shell
    const { resolve } = yield* Path.Path
    const apps = yield* FlyApps.discoverApps(resolve(here, Option.getOrElse(directory, () => ".")), {
      maxDepth: Option.getOrUndefined(depth)
    })
    yield* out(
      invocation.json
        ? JSON.stringify(apps.map(({ directory, name }) => ({ name, directory })))
        : apps.length === 0
        ? "no apps"
        : Table.render(["NAME", "DIRECTORY"], apps.map(({ directory, name }) => [name, directory]), { color })
    )
  })
