/**
 * What `atlas fly apps` and `fly deploy` do: list the apps of a source tree, and stay with a deploy until it has ended.
 */
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as Stream from "effect/Stream"
import * as FlyApps from "../../fly/FlyApps.ts"
import * as FlyDeploy from "../../fly/FlyDeploy.ts"
import { misused } from "../Flags.ts"
import { FlyTools } from "../FlyTools.ts"
import { progress } from "../Progress.ts"
import { Shell } from "../Shell.ts"
import * as Table from "../Table.ts"

/** Prints the apps found. */
export const printApps = ({ depth, directory }: {
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

/** Time since the start, as wide as that of the longest deploy. */
const elapsed = (nanos: bigint): string => {
  const seconds = Math.floor(Duration.toSeconds(Duration.nanos(nanos)))
  return `${String(Math.floor(seconds / 60)).padStart(2)}:${String(seconds % 60).padStart(2, "0")}`
}

/**
 * The words before and after `--`: a directory, and arguments that are fly's own.
 */
const divided = (words: ReadonlyArray<string>, trailing: number) => {
  const [target = ".", ...more] = words.slice(0, words.length - trailing)
  return more.length > 0
    ? Effect.fail(misused("fly deploy", `unexpected "${more.join(" ")}": put fly's own arguments after --`))
    : Effect.succeed({ target, args: words.slice(words.length - trailing) })
}

/** A file that is named as seen from here is that one; otherwise fly's rule holds, and it is seen from the directory. */
const configOf = (config: Option.Option<string>, here: string) =>
  Effect.gen(function*() {
    const { resolve } = yield* Path.Path
    const fs = yield* FileSystem.FileSystem
    if (Option.isNone(config) || config.value === "") return Option.getOrUndefined(config)
    const path = resolve(here, config.value)
    return (yield* Effect.orElseSucceed(fs.exists(path), () => false)) ? path : config.value
  })

/** Deploys from a directory; a deploy that fails is a failure like any other. */
export const deploy = (
  { config, words }: { readonly words: ReadonlyArray<string>; readonly config: Option.Option<string> }
) =>
  Effect.gen(function*() {
    const { directory: here, invocation, out, outIsTerminal, write } = yield* Shell
    const { args, target } = yield* divided(words, invocation.trailing)
    const options = { args, config: yield* configOf(config, here) }
    const started = yield* Clock.monotonicTimeNanos
    const said = (object: object) => out(JSON.stringify(object))
    const exit = (code: number) => invocation.json ? said({ type: "exit", code }) : Effect.void

    const show = (lines: ReadonlyArray<string>) =>
      Effect.gen(function*() {
        if (invocation.json) {
          const at = DateTime.formatIso(yield* DateTime.now)
          return yield* out(lines.map((text) => JSON.stringify({ type: "line", at, text })).join("\n"))
        }
        const since = outIsTerminal ? `${elapsed((yield* Clock.monotonicTimeNanos) - started)}  ` : ""
        yield* write(lines.map((text) => `${since}${text}\n`).join(""))
      })

    yield* progress(`deploying ${target}`)
    yield* FlyDeploy.streamDeploy(here, target, options).pipe(
      Stream.runForEachArray(show),
      Effect.tapError(({ reason }) => reason._tag === "FlyExitCode" ? exit(reason.exitCode) : Effect.void)
    )
    yield* exit(0)
    yield* progress(`done in ${elapsed((yield* Clock.monotonicTimeNanos) - started).trim()}`)
  }).pipe((deploy) => Effect.flatMap(FlyTools, (tools) => Effect.provide(deploy, tools)))
