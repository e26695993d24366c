/**
 * What all schemas of RunPod share: how tolerantly an answer is read, how strictly a request is checked, errors and pages.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { RedactedText } from "../../../domain/RedactedText.ts"

/**
 * A field of an answer that may be missing; one of the wrong type reads as missing, so that a change on RunPod's side
 * costs one field and not the whole answer.
 *
 * @category building blocks
 * @since 0.1.0
 */
export const maybe = <S extends Schema.Constraint>(schema: S) =>
  Schema.optionalKey(schema).pipe(Schema.catchDecoding(() => Effect.succeedNone))

/**
 * Text, or text that prints as `<redacted>` and becomes plain only while it is sent.
 *
 * @category building blocks
 * @since 0.1.0
 */
export const Secret = Schema.Union([Schema.String, RedactedText])

/**
 * Text of at least one character.
 *
 * @category building blocks
 * @since 0.1.0
 */
export const Filled = Schema.String.check(Schema.isMinLength(1, { expected: "text of at least 1 character" }))

/**
 * A whole number from `minimum` up to `maximum`, without end unless given.
 *
 * @category building blocks
 * @since 0.1.0
 */
export const whole = (minimum: number, maximum = Number.MAX_SAFE_INTEGER) =>
  Schema.Int.check(
    Schema.isBetween({ minimum, maximum }, {
      expected: maximum === Number.MAX_SAFE_INTEGER
        ? `a whole number of at least ${minimum}`
        : `a whole number from ${minimum} to ${maximum}`
    })
  )

/**
 * A CUDA version such as `12.8`.
 *
 * @category building blocks
 * @since 0.1.0
 */
export const CudaVersion = Schema.String.check(
  Schema.isPattern(/^\d+\.\d+$/, { expected: "major.minor, such as 12.8" })
)

/**
 * Environment variables of a container, by name; values may be redacted.
 *
 * @category building blocks
 * @since 0.1.0
 */
export const Env = Schema.Record(Schema.String, Secret)

/**
 * What every request about a container may say: `args` is one raw command, `entrypoint` and `cmd` its exec form, `disk`
 * GB of container disk, `ports` words such as `8000/http`, `registry` the id of a credential.
 *
 * @category building blocks
 * @since 0.1.0
 */
export const containerRequest = {
  image: Schema.optionalKey(Schema.String),
  args: Schema.optionalKey(Schema.String),
  entrypoint: Schema.optionalKey(Schema.Array(Schema.String)),
  cmd: Schema.optionalKey(Schema.Array(Schema.String)),
  disk: Schema.optionalKey(whole(1)),
  ports: Schema.optionalKey(Schema.Array(Schema.String)),
  env: Schema.optionalKey(Env),
  registry: Schema.optionalKey(Schema.NullOr(Schema.String))
}

/**
 * A disk of the machine itself: `size` GB, at least 10, mounted at `path`.
 *
 * @category models
 * @since 0.1.0
 */
export const PersistentMount = Schema.Struct({ size: whole(10), path: Schema.String })

/**
 * A network volume mounted at `path`.
 *
 * @category models
 * @since 0.1.0
 */
export const NetworkMount = Schema.Struct({ volumeId: Schema.String, path: Schema.String })

/**
 * Storage of a pod: at most one kind of it, and at most one network volume.
 *
 * @category models
 * @since 0.1.0
 */
export const Mounts = Schema.Struct({
  persistent: Schema.optionalKey(PersistentMount),
  network: Schema.optionalKey(
    Schema.Array(NetworkMount).check(Schema.makeFilter(({ length }) => length <= 1, { expected: "at most 1 volume" }))
  )
})

/**
 * Where a list goes on; `nextCursor` is null on the last page. A list without it has one page; what cannot be read is no
 * answer, since a page that looks like the last one shows live things as missing.
 *
 * @category models
 * @since 0.1.0
 */
export const Pagination = Schema.optionalKey(Schema.NullOr(Schema.Struct({
  nextCursor: Schema.optionalKey(Schema.NullOr(Schema.String)),
  hasNextPage: Schema.optionalKey(Schema.Boolean)
})))

/**
 * Query of a list that comes in pages: 1 to 1000 entries a page (1000 unless given), from a cursor of the page before.
 *
 * @category models
 * @since 0.1.0
 */
export const pageQuery = {
  limit: Schema.optionalKey(whole(1, 1000)),
  cursor: Schema.optionalKey(Schema.String)
}

/**
 * The query of a list that comes in pages and has no filter.
 *
 * @category models
 * @since 0.1.0
 */
export const PageQuery = Schema.Struct(pageQuery)

/**
 * A refusal of the management API (`application/problem+json`); `errors` only after a check of the request's fields.
 *
 * @category models
 * @since 0.1.0
 */
export const Problem = /* @__PURE__ */ Schema.Struct({
  title: maybe(Schema.String),
  status: maybe(Schema.Int),
  detail: maybe(Schema.String),
  errors: maybe(Schema.Array(Schema.String))
})

/**
 * @category models
 * @since 0.1.0
 */
export type Problem = typeof Problem.Type

/**
 * One line of a log stream, the `data` of a server-sent event; its `id` is opaque and resumes the stream.
 *
 * @category models
 * @since 0.1.0
 */
export const LogEvent = Schema.Struct({ source: maybe(Schema.String), line: Schema.String, ts: maybe(Schema.String) })

/**
 * @category models
 * @since 0.1.0
 */
export type LogEvent = typeof LogEvent.Type

/**
 * Query of a log stream: one source or both, the last `tail` lines (0 to 5000, 100 unless given), or since a time.
 *
 * @category models
 * @since 0.1.0
 */
export const LogQuery = Schema.Struct({
  source: Schema.optionalKey(Schema.Literals(["container", "system"])),
  tail: Schema.optionalKey(whole(0, 5000)),
  since: Schema.optionalKey(Schema.String)
})
