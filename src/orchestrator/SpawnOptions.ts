/**
 * The options of a session besides its request: limits, its user, what happens when its machine is lost.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import { type AtlasError, invalid, type Issue } from "../domain/AtlasError.ts"
import * as ComputeRequest from "../domain/ComputeRequest.ts"
import { decoder, PositiveDuration } from "../domain/Decode.ts"
import * as Policy from "./session/Policy.ts"
import type { Mode } from "./session/State.ts"

/**
 * A request for a session: that of a compute, with one GPU or several in order of preference.
 *
 * @category models
 * @since 0.1.0
 */
export interface Input extends Omit<ComputeRequest.Input, "gpu"> {
  readonly gpu?: ComputeRequest.Input["gpu"] | ReadonlyArray<NonNullable<ComputeRequest.Input["gpu"]>> | undefined
}

/** A time limit, or false for none. */
type Limit = Duration.Input | false | null | undefined

/**
 * Options of a session; false (or null) switches a limit off.
 *
 * @category models
 * @since 0.1.0
 */
export interface SpawnOptions {
  /** Where to rent: one provider or several in order of preference; default that of `Providers`. */
  readonly provider?: string | ReadonlyArray<string> | undefined
  /** The user of the session; on spans and in the store, never a metric label. */
  readonly userId?: string | null | undefined
  /** Whether it outlives the process that began it and is adopted by the next one; default false. */
  readonly persist?: boolean | undefined
  /** Interactive sessions: end after this long without a touch; default 30 minutes. */
  readonly idleTtl?: Limit
  /** Interactive sessions: how often `Heartbeat` is published; default 1 minute. */
  readonly heartbeat?: Limit
  /** End this long after the session began, respawns included; default none, for a task 1 hour. A task always has one. */
  readonly maxRuntime?: Limit
  /** End, or replace, a machine that is still not running this long after it was rented; default none, for a task 15 minutes. */
  readonly readyTimeout?: Limit
  /** End this long after the container reported its end; default 1 minute. */
  readonly finishGrace?: Limit
  /** How often the provider's bill is asked for; default 15 minutes. */
  readonly reconcileSpend?: Limit
  /** US dollars: end when they are spent. */
  readonly maxCost?: number | false | null | undefined
  /**
   * When its machine is lost: `stop` (default), or rent a replacement up to so many times, at another candidate first. A command
   * that ended by itself is not lost, where its provider, a report or its log says that it ended.
   */
  readonly onFailure?: "stop" | { readonly respawn: number } | undefined
}

/** A time without an end is no limit. */
const millisOf = (duration: Duration.Duration): number | null =>
  Duration.isFinite(duration) ? Duration.toMillis(duration) : null

const decodeDuration = Schema.decodeUnknownEffect(PositiveDuration)

/** A duration in milliseconds, null for none. */
const Limit = Schema.Unknown.pipe(Schema.decodeTo(Schema.NullOr(Schema.Finite), {
  decode: SchemaGetter.transformEffect((input) =>
    input === false || input === null
      ? Effect.succeed(null)
      : Effect.mapBoth(decodeDuration(input), {
        onSuccess: millisOf,
        onFailure: (error) => error.issue
      })
  ),
  encode: SchemaGetter.transform((millis): unknown => millis)
}))

const Names = Schema.Union([Schema.NonEmptyString, Schema.NonEmptyArray(Schema.NonEmptyString)])

const Fields = Schema.Struct({
  provider: Schema.optional(Names),
  userId: Schema.optional(Schema.NullOr(Schema.NonEmptyString.check(Schema.isMaxLength(256)))),
  persist: Schema.optional(Schema.Boolean),
  idleTtl: Schema.optional(Limit),
  heartbeat: Schema.optional(Limit),
  maxRuntime: Schema.optional(Limit),
  readyTimeout: Schema.optional(Limit),
  finishGrace: Schema.optional(Limit),
  reconcileSpend: Schema.optional(Limit),
  maxCost: Schema.optional(Schema.Union([
    Schema.Finite.check(Schema.isGreaterThan(0, { expected: "an amount of US dollars above 0" })),
    Schema.Literal(false),
    Schema.Null
  ])),
  onFailure: Schema.optional(Schema.Union([
    Schema.Literal("stop"),
    Schema.Struct({
      respawn: Schema.Int.check(
        Schema.isBetween({ minimum: 0, maximum: 1_000 }, { expected: "a number from 0 to 1000" })
      )
    })
  ]))
})

const decodeFields = decoder(Fields)

/**
 * The checked options of a session, with their defaults.
 *
 * @category models
 * @since 0.1.0
 */
export interface Decided {
  readonly providers: ReadonlyArray<string> | undefined
  readonly userId: string | null
  readonly persist: boolean
  readonly policy: Policy.Policy
}

const listOf = (names: string | ReadonlyArray<string> | undefined): ReadonlyArray<string> | undefined =>
  typeof names === "string" ? [names] : names

const modeIssues = (
  mode: Mode,
  fields: typeof Fields.Type,
  idleTtl: Duration.Duration | null
): ReadonlyArray<Issue> => {
  if (mode === "interactive") return []
  const given = { heartbeat: fields.heartbeat ?? null, idleTtl: fields.idleTtl ?? idleTtl }
  const unknown = (["idleTtl", "heartbeat"] as const)
    .filter((name) => given[name] !== null)
    .map((path) => ({ path, message: "a task has no such limit: it ends with its command or its maxRuntime" }))
  const endless = fields.maxRuntime === null
    ? [{ path: "maxRuntime", message: "a task must have one: give a duration" }]
    : []
  return [...unknown, ...endless]
}

/**
 * Checks the options of a session; fails as `Validation` naming the field.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (
  options: SpawnOptions | undefined,
  mode: Mode,
  operation: string,
  idleTtl: Duration.Duration | null
): Effect.Effect<Decided, AtlasError> =>
  Effect.gen(function*() {
    const fields = yield* decodeFields(options ?? {}, operation)
    const issues = modeIssues(mode, fields, idleTtl)
    if (issues.length > 0) return yield* invalid(operation, issues)
    const defaults = mode === "task" ? Policy.task : Policy.interactive
    const or = <A>(given: A | undefined, otherwise: A): A => given === undefined ? otherwise : given
    const requested = idleTtl === null || mode === "task" ? defaults.idleTtl : millisOf(idleTtl)
    const { onFailure = "stop" } = fields
    return {
      providers: listOf(fields.provider),
      userId: fields.userId ?? null,
      persist: fields.persist ?? false,
      policy: {
        idleTtl: mode === "task" ? null : or(fields.idleTtl, requested),
        heartbeat: mode === "task" ? null : or(fields.heartbeat, defaults.heartbeat),
        maxRuntime: or(fields.maxRuntime, defaults.maxRuntime),
        readyTimeout: or(fields.readyTimeout, defaults.readyTimeout),
        finishGrace: or(fields.finishGrace, defaults.finishGrace),
        reconcileSpend: or(fields.reconcileSpend, defaults.reconcileSpend),
        maxCost: fields.maxCost === false ? null : fields.maxCost ?? null,
        onFailure: onFailure === "stop" ? { _tag: "Stop" } : { _tag: "Respawn", max: onFailure.respawn }
      }
    }
  })

const Gpus = Schema.Array(Schema.NonEmptyString)
const decodeGpus = decoder(Gpus, "gpu")
const decodeInput = decoder(Schema.Record(Schema.String, Schema.Unknown))

/**
 * The GPUs of a request in order of preference, and the request at the first of them, checked.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decodeRequest = (
  given: Input,
  operation: string
): Effect.Effect<
  { readonly gpus: ReadonlyArray<string | null>; readonly request: ComputeRequest.ComputeRequest },
  AtlasError
> =>
  Effect.gen(function*() {
    const { gpu, ...input } = yield* decodeInput(given, operation)
    const listed = typeof gpu === "string" ? [gpu] : yield* decodeGpus(gpu ?? [], operation)
    const gpus = listed.length === 0 ? [null] : listed
    const request = yield* ComputeRequest.decode({ ...input, gpu: gpus[0] ?? null }, operation)
    return { gpus, request }
  })
