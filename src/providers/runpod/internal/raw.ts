/** An answer beside what was read of it, and as much of it as may be kept. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaParser from "effect/SchemaParser"
import type { Shape } from "../RunPodSchema.ts"

/** A read answer and all of its body, fields nobody knows yet included. */
export interface Kept<A> {
  readonly value: A
  readonly body: unknown
}

/** Reads an answer as `schema` does and keeps its body too. */
export const keeping = <S extends Shape>(schema: S) => {
  const read = SchemaParser.decodeUnknownEffect(schema)
  // the second member is never tried: it tells which field names are documented, so that a failure may name them
  return Schema.Union([Schema.Unknown, Schema.toEncoded(schema)]).pipe(
    Schema.decodeTo(Schema.declare((_: unknown): _ is Kept<S["Type"]> => true), {
      decode: SchemaGetter.transformEffect((body: unknown) =>
        Effect.map(read(body), (value): Kept<S["Type"]> => ({ value, body }))
      ),
      encode: SchemaGetter.transformEffect(() =>
        Effect.fail(new SchemaIssue.InvalidValue({ message: "an answer is never sent" }))
      )
    })
  )
}

/** Fields that RunPod may add and that say by their name what they hold; compared in lower case, without `-` and `_`. */
const telling = /(?:password|passwd|secret|token|apikey|accesskey|privatekey|credentials?|authorization|dockerargs)$/

/** More names than all of RunPod's answers have: what is beyond is looked at anew each time. */
const mostVerdicts = 1000
const verdicts = new Map<string, boolean>()

/** Whether a field of this name is left out; a list of pods asks for the same few names again and again. */
const secret = {
  has: (key: string): boolean => {
    const known = verdicts.get(key)
    if (known !== undefined) return known
    const verdict = sent.has(key) || telling.test(key.toLowerCase().replaceAll(/[-_]/g, ""))
    if (verdicts.size < mostVerdicts) verdicts.set(key, verdict)
    return verdict
  }
}

/** Fields that hold what the caller sent to be kept secret: environments, commands, and jobs with their addresses. */
const sent = new Set([
  "env",
  "args",
  "entrypoint",
  "cmd",
  "input",
  "webhook",
  "webhookV2",
  "s3Config",
  "password"
])

const withoutSecrets = (body: object): Schema.Json => {
  const kept: Record<string, Schema.Json> = {}
  for (const key of Object.keys(body)) {
    // set as a field, this one name would set what stands behind the object
    if (key === "__proto__" || secret.has(key)) continue
    kept[key] = rawOf(Reflect.get(body, key))
  }
  return kept
}

/** A body without secrets, at any depth; null for what is no JSON. */
export const rawOf = (body: unknown): Schema.Json => {
  switch (typeof body) {
    case "string":
    case "boolean":
      return body
    case "number":
      return Number.isFinite(body) ? body : null
    case "object":
      if (body === null) return null
      if (Array.isArray(body)) return body.map(rawOf)
      return withoutSecrets(body)
    default:
      return null
  }
}

/** One field of a body, or one entry of a list. */
export const part = (body: unknown, key: string | number): unknown =>
  typeof body === "object" && body !== null ? Reflect.get(body, key) : undefined

/** An environment stands on a pod, endpoint or template, and these stand in a list at most. */
const deepestEnv = 2

/** The very value where it has no environment: only what holds one is copied. */
const cleaned = (value: object, depth: number): object => {
  if (Array.isArray(value)) {
    const each = (one: unknown): unknown => typeof one === "object" && one !== null ? cleaned(one, depth + 1) : one
    return typeof value[0] === "object" ? value.map(each) : value
  }
  let kept: Record<string, unknown> | null = null
  if (Object.hasOwn(value, "env")) {
    kept = { ...value }
    delete kept["env"]
  }
  if (depth === deepestEnv) return kept ?? value
  for (const key of Object.keys(value)) {
    const part: unknown = key === "env" ? null : Reflect.get(value, key)
    if (typeof part !== "object" || part === null) continue
    const clean = cleaned(part, depth + 1)
    if (clean === part) continue
    kept ??= { ...value }
    kept[key] = clean
  }
  return kept ?? value
}

/** Native answers keep everything but environments. */
export const withoutEnv = <A>(answer: A): A =>
  // the same shape but for a field that any answer may lack
  typeof answer === "object" && answer !== null ? cleaned(answer, 0) as A : answer
