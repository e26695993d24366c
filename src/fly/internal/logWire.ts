/** What the two log hosts write, read leniently: what is missing, null or of another type is null, and nothing crashes. */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"
import { LogEntry } from "../LogEntry.ts"

type JsonObject = Readonly<Record<string, unknown>>

const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** The part under a key; nothing of it where it is no object. */
const partAt = (value: unknown, key: string): unknown => isObject(value) ? value[key] : undefined

const textAt = (value: unknown, key: string): string | null => {
  const text = partAt(value, key)
  return typeof text === "string" ? text : null
}

// one transformation and not a schema a field: a struct of lenient fields takes four times as long, for every line
const entryFrom = (read: (line: JsonObject) => LogEntry) =>
  Schema.decodeUnknownOption(
    Schema.declare(isObject).pipe(
      Schema.decodeTo(
        LogEntry,
        SchemaTransformation.transform({ decode: read, encode: (entry): JsonObject => entry })
      )
    )
  )

/** Log lines as they were read; `ids` stands beside `entries`, null where a line has none. */
export interface Decoded {
  readonly entries: ReadonlyArray<LogEntry>
  readonly ids: ReadonlyArray<string | null>
  /** How many lines were no log entries. */
  readonly skipped: number
}

const machinesLine = entryFrom((line) => {
  const fly = line["fly"]
  const app = partAt(fly, "app")
  return {
    timestamp: textAt(line, "timestamp"),
    message: textAt(line, "message"),
    level: textAt(line["log"], "level"),
    region: textAt(fly, "region"),
    instance: textAt(app, "instance"),
    appName: textAt(app, "name")
  }
})

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** NDJSON: each line on its own, so that a bad one costs nothing but itself. */
export const readMachines = (text: string): Decoded => {
  const entries: Array<LogEntry> = []
  let skipped = 0
  for (const line of text.split("\n")) {
    if (line.trim() === "") continue
    const entry = machinesLine(parse(line))
    if (Option.isSome(entry)) entries.push(entry.value)
    else skipped += 1
  }
  return { entries, ids: entries.map(() => null), skipped }
}

const platformItem = entryFrom((item) => {
  const attributes = item["attributes"]
  return {
    timestamp: textAt(attributes, "timestamp"),
    message: textAt(attributes, "message"),
    level: textAt(attributes, "level"),
    region: textAt(attributes, "region"),
    instance: textAt(attributes, "instance"),
    appName: null
  }
})

/** A bare number; within a text the quotes before it would be escaped, so only a key matches. */
const bareToken = /"next_token"\s*:\s*(\d+)(?=\s*[,}])/g
/** Nanoseconds since 1970 have 19 digits; a longer text is no cursor. */
const digits = /^\d{1,30}$/

/** A page of the platform's JSON; null when it is another shape altogether. */
export const readPlatform = (
  app: string,
  text: string
): Decoded & { readonly nextToken: string | null } | null => {
  // quoted before it is parsed: as a JavaScript number it would be another one
  const body = parse(text.replace(bareToken, "\"next_token\":\"$1\""))
  const data = partAt(body, "data")
  if (!Array.isArray(data)) return null
  const entries: Array<LogEntry> = []
  const ids: Array<string | null> = []
  let skipped = 0
  for (const item of data) {
    const entry = platformItem(item)
    if (Option.isSome(entry)) {
      // not in the answer, which is about one app
      entries.push({ ...entry.value, appName: app })
      ids.push(textAt(item, "id"))
    } else skipped += 1
  }
  const nextToken = textAt(partAt(body, "meta"), "next_token")
  return { entries, ids, skipped, nextToken: nextToken !== null && digits.test(nextToken) ? nextToken : null }
}
