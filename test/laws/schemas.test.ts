/**
 * Whatever the package exports as a schema can be sent: it becomes JSON and is the same when read back, and no secret is in it.
 *
 * The schemas are found through the package's own subpaths, so that none has to be entered here.
 */
import { assert, describe, it } from "@effect/vitest"
import { Credential, NameStamp } from "effect-atlas"
import * as Dispatcher from "effect-atlas/events/Dispatcher"
import { Session } from "effect-atlas/orchestrator"
import * as Arbitrary from "effect/Arbitrary"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { samples as sampleStates } from "../../src/testing/internal/sessionSamples.ts"
import { matching, read, root } from "./files.ts"

const manifest: { readonly exports: Readonly<Record<string, unknown>> } = JSON.parse(read("package.json").text)

const sourceOf = (door: unknown): ReadonlyArray<string> =>
  typeof door === "object" && door !== null && "default" in door
    ? matching([String(door.default).replace(/^\.\/dist\//, "src/").replace(/\.js$/, ".ts")]).map(({ path }) => path)
    : []

/** Every file that a user of the package can import. */
const open = [...new Set(Object.values(manifest.exports).flatMap(sourceOf))]

type AnySchema = Schema.Codec<unknown, unknown>

/** The boundary to modules of any kind: a codec without services, as every schema of ours is. */
const isCodec = (value: unknown): value is AnySchema => Schema.isSchema(value)

const isModule = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && Reflect.get(value, Symbol.toStringTag) === "Module"

const found = new Map<AnySchema, string>()

const collect = (value: unknown, name: string): void => {
  if (isCodec(value)) {
    if (!found.has(value)) found.set(value, name)
  } else if (isModule(value)) {
    for (const [key, inner] of Object.entries(value)) collect(inner, `${name}.${key}`)
  }
}

for (const path of open) collect(await import(`${root}/${path}`), path.replace(/^src\/|\.ts$/g, ""))
collect(Dispatcher.Delivery(Schema.String), "events/Dispatcher.Delivery")

/** No data: the options of one call, in which an adapter takes values of any kind, functions too. */
const notData = /Call\.Call$/

/** The one that is there to send a secret. */
const revealing = /Credential\.Revealed$/

const schemas = [...found].flatMap(([schema, name]) => notData.test(name) ? [] : [[name, schema] as const])

const canary = "canary-7d41"

/** What of a value is secret, by where it stands: as `auth`, which is null once it is sent, or elsewhere. */
interface Sown {
  auth: number
  elsewhere: number
}

const isCredential = (value: unknown): boolean =>
  value instanceof Credential.Bearer || value instanceof Credential.SignedUrl

/** Thirty thousand years, in milliseconds. */
const longest = 1e15

/** Puts a canary into every secret of a value, and bounds its durations. */
const sow = (value: unknown, sown: Sown, within: keyof Sown = "elsewhere", seen = new Set<unknown>()): void => {
  if (typeof value !== "object" || value === null || seen.has(value)) return
  seen.add(value)
  for (const key of Reflect.ownKeys(value)) {
    const inner: unknown = Reflect.get(value, key)
    if (Redacted.isRedacted(inner)) {
      assert.isTrue(Reflect.set(value, key, Redacted.make(canary)))
      sown[within] += 1
    } else if (Duration.isDuration(inner)) {
      // beyond that milliseconds are not whole any more
      if (Duration.isFinite(inner) && Math.abs(Duration.toMillis(inner)) > longest) {
        assert.isTrue(Reflect.set(value, key, Duration.millis(longest)))
      }
    } else {
      sow(inner, sown, key === "auth" && isCredential(inner) ? "auth" : within, seen)
    }
  }
}

/** Takes away what is not sent, so that the value can be compared with the one that was read: a credential, and `undefined`. */
const forget = (value: unknown, seen = new Set<unknown>()): void => {
  if (typeof value !== "object" || value === null || seen.has(value)) return
  seen.add(value)
  for (const key of Reflect.ownKeys(value)) {
    const inner: unknown = Reflect.get(value, key)
    if (inner === undefined || (key === "auth" && isCredential(inner))) assert.isTrue(Reflect.set(value, key, null))
    else forget(inner, seen)
  }
}

/** An owner of a whole state is a filter that made-up values hardly ever pass, so those of the store's suite are taken. */
const samplesOf = (name: string, schema: AnySchema) =>
  /\.(SessionState|SessionJson)$/.test(name)
    ? sampleStates(NameStamp.Owner.make("team1"), (index) => Session.SessionId.make(`s${index}`.padEnd(12, "0")))
    : Arbitrary.sampleEffect(Arbitrary.schema(schema), { count: 25, seed: name, maxDiscards: 5_000 })

describe("every schema of the package", () => {
  const planted: Sown = { auth: 0, elsewhere: 0 }

  it("is found through the package's subpaths", () => {
    const names = schemas.map(([name]) => name)
    for (
      const one of [
        "AtlasError.Timeout",
        "Compute.Compute",
        "ComputeRequest.ComputeRequest",
        "FlyLogStream.Element",
        "Orchestrator.SessionElement",
        "Orchestrator.Tracked",
        "Reaper.Reaped",
        "Spending.Spending"
      ]
    ) {
      assert.isTrue(names.some((name) => name.endsWith(one)), one)
    }
  })

  it.effect.each(schemas)("is JSON and back, without a secret: %s", ([name, schema]) =>
    Effect.gen(function*() {
      const codec = Schema.toCodecJson(schema)
      const isEqual = Schema.toEquivalence(schema)
      const samples = yield* samplesOf(name, schema)
      assert.isNotEmpty(samples)
      for (const sample of samples) {
        const sown: Sown = { auth: 0, elsewhere: 0 }
        const place = name.endsWith("Credential.Kept") ? "auth" : "value"
        const box = { [place]: sample }
        sow(box, sown)
        planted.auth += sown.auth
        planted.elsewhere += sown.elsewhere
        const text = JSON.stringify(yield* Schema.encodeUnknownEffect(codec)(box[place]))
        if (!revealing.test(name)) assert.notInclude(text, canary)
        const again = yield* Effect.result(Schema.decodeUnknownEffect(codec)(JSON.parse(text)))
        if (sown.elsewhere > 0 && !revealing.test(name)) {
          assert.isTrue(again._tag === "Failure", `a secret that was left out is made up: ${text}`)
          continue
        }
        if (again._tag === "Failure") return yield* again.failure
        const isSame = isEqual(box[place], again.success)
        forget(box)
        forget(again.success)
        assert.isTrue(isSame || isEqual(box[place], again.success), text)
      }
    }))

  it("was filled with secrets of both kinds", () => {
    assert.isAbove(planted.auth, 10)
    assert.isAbove(planted.elsewhere, 10)
  })
})

/** What is text, bytes or JSON already. */
const plain = ["string", "Uint8Array", "Schema.Json", "unknown"]

/** A type parameter: such a function hands on the stream that its caller gave it. */
const isHandedOn = (element: string) => /^[A-Z]$/.test(element)

describe("a public stream", () => {
  const streams = open.flatMap((path) =>
    [...read(path).text.matchAll(/Stream\.Stream<([\w.]+)(?=[,<>])/g)].map(([, element = ""]) =>
      [path, element] as const
    )
  )

  it.each(streams.filter(([, element]) => !plain.includes(element) && !isHandedOn(element)))(
    "of %s has a schema of its elements: %s",
    (_, element) => {
      assert.isTrue([...found.values()].some((name) => name.endsWith(`.${element.split(".").at(-1)}`)), element)
    }
  )
})
