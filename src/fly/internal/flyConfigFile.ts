/**
 * The fly command's own `config.yml`, with the token of the user who logged in on this machine.
 *
 * The fly command renews that token every few minutes, so one that was read is good only while the file has not changed.
 */
import * as Effect from "effect/Effect"
import * as Yaml from "effect/encoding/Yaml"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as UserDirectories from "effect/persistence/UserDirectories"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { setting } from "./flySetting.ts"
import { parseGiven } from "./tokenForm.ts"

/** It is a page of settings; a longer file is no configuration. */
const longest = 1024 * 1024

const decode = Schema.decodeUnknownOption(Schema.Struct({ access_token: Schema.String }))

/** The token in a text of YAML; null for one that is broken. The parser's message may quote the token, so it is dropped. */
const tokenIn = (text: string): Redacted.Redacted | null => {
  try {
    const token = Option.map(decode(Yaml.parse(text)), (file) => file.access_token)
    return Option.match(token, { onNone: () => null, onSome: parseGiven })
  } catch {
    return null
  }
}

/** A token and the state of the file it was read from. */
export interface Found {
  readonly token: Redacted.Redacted
  readonly stamp: string
}

const directoryOf = Effect.gen(function*() {
  const given = yield* setting("FLY_CONFIG_DIR", "token")
  if (given !== null) return given
  const path = yield* Path.Path
  return yield* UserDirectories.make().home.pipe(
    Effect.map((home) => home === "" ? null : path.join(home, ".fly")),
    Effect.orElseSucceed(() => null)
  )
})

/** The file's place is decided once; a file that is absent, unreadable or has no token reads as null. */
export const make = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const directory = yield* directoryOf
  const file = directory === null ? null : path.join(directory, "config.yml")

  const stampOf = (name: string) =>
    Effect.map(fs.stat(name), ({ ino, mtime, size, type }) => {
      // only a regular file is opened: reading a pipe would not end
      if (type !== "File" || size > longest) return null
      const at = Option.match(mtime, { onNone: () => "", onSome: (date) => String(date.getTime()) })
      return `${at}/${size}/${Option.getOrElse(ino, () => 0n)}`
    })

  /** What tells one state of the file from another. */
  const stamp: Effect.Effect<string | null> = file === null
    ? Effect.succeed(null)
    : Effect.orElseSucceed(stampOf(file), () => null)

  const read: Effect.Effect<Found | null> = file === null ? Effect.succeed(null) : Effect.gen(function*() {
    // taken before the text: a change between the two is then seen at the next check
    const before = yield* stampOf(file)
    if (before === null) return null
    const token = tokenIn(yield* fs.readFileString(file))
    return token === null ? null : { token, stamp: before }
  }).pipe(Effect.orElseSucceed(() => null))

  return { stamp, read }
})

export type FlyConfigFile = Effect.Success<typeof make>
