/**
 * The input of a job as it is typed: JSON itself, `@FILE`, or `-` for stdin. What is wrong with it is said without
 * repeating it, since an input can hold a secret.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as Schema from "effect/Schema"
import { misused } from "./Flags.ts"
import { Shell } from "./Shell.ts"

const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Json))

const refuse = (message: string) => misused("job run", `--input: ${message}`)

const readFile = (name: string) =>
  Effect.gen(function*() {
    const { directory } = yield* Shell
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    return yield* Effect.mapError(
      fs.readFileString(path.resolve(directory, name)),
      () => refuse(`the file ${name} cannot be read`)
    )
  })

/** The input; an empty object where none is given. */
export const read = (typed: Option.Option<string>) =>
  Effect.gen(function*() {
    if (Option.isNone(typed)) return {}
    const { input } = yield* Shell
    const text = typed.value === "-"
      ? yield* input
      : typed.value.startsWith("@")
      ? yield* readFile(typed.value.slice(1))
      : typed.value
    return yield* Effect.mapError(decode(text), () => refuse("this is not JSON"))
  })
