/**
 * Forty secrets in every input that can hold one, and hundreds of failures: none of them comes out anywhere.
 */
import { assert, describe, it } from "@effect/vitest"
import { Atlas, type AtlasError, Providers } from "effect-atlas"
import { SpanRecorder } from "effect-atlas/testing"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { inspect } from "node:util"
import * as RunPod from "../../../src/providers/RunPod.ts"
import * as FakeRunPod from "../../../src/providers/runpod/FakeRunPod.ts"
import { isFull } from "../../support/full.ts"
import { passWhile } from "./harness.ts"

const failures = isFull ? 1000 : 200

const canaries = Array.from({ length: 40 }, (_, index) => `canary${index}Zq${(index * 7919 + 13).toString(36)}x`)
const canary = (index: number) => canaries[index % canaries.length] ?? ""

/** Sent as secrets, so the cloud may echo them and they still must not come out. */
const layerKey = canary(0)
const callKey = canary(1)
const headerValue = canary(2)
const environment = Object.fromEntries(
  Array.from({ length: 30 }, (_, index) => [
    `SECRET_${index}`,
    index % 2 === 0 ? canary(index + 3) : Redacted.make(canary(index + 3))
  ])
)
/** Data of the caller that no answer has to repeat, and no error either. */
const jobInput = { prompt: canary(33), nested: [canary(34), { key: canary(35) }] }
const webhook = `https://hooks.example/${canary(36)}?token=${canary(37)}`
const command = ["python", "serve.py", canary(38)]
const policy = { note: canary(39) }

const pick = <A>(options: readonly [A, ...ReadonlyArray<A>]) =>
  Effect.map(Random.nextIntBetween(0, options.length), (index) => options[index] ?? options[0])

/** What a careless server says: the request back, headers, body and all. */
const echo = (sent: ReadonlyArray<string>) =>
  Effect.map(
    Effect.all([pick([callKey, headerValue, ...sent]), pick([callKey, ...sent])]),
    ([one, another]) => `bad value ${one} in {"env":{"SECRET_1":"${another}"}}, sent with Bearer ${callKey}`
  )

const anyFault = (sent: ReadonlyArray<string>): Effect.Effect<FakeRunPod.Fault> =>
  Effect.gen(function*() {
    const detail = yield* echo(sent)
    const status = yield* pick([400, 401, 402, 403, 404, 409, 422, 429, 500, 502, 503])
    const form = yield* pick<"problem" | "html" | "text">(["problem", "html", "text"])
    return yield* pick<FakeRunPod.Fault>([
      { _tag: "Refuse", status, detail, form, times: 9 },
      { _tag: "Refuse", status, detail, form, acted: true, times: 9 },
      { _tag: "NoCapacity", detail: `${FakeRunPod.noCapacity[0]} ${detail}` },
      { _tag: "Garble", times: 9 },
      { _tag: "WrongShape", times: 9 },
      { _tag: "LoseAnswer", times: 9 },
      { _tag: "Hang", times: 9 }
    ])
  })

const options: Atlas.Options = {
  apiKey: Redacted.make(callKey),
  headers: { "x-tenant": headerValue },
  timeout: "20 seconds",
  retries: 1
}
const job = { endpoint: "demo", id: "no-such-job" }

type Call = Effect.Effect<unknown, AtlasError.AtlasError, Providers.Providers>

const values = Object.values(environment).map((value) => Redacted.isRedacted(value) ? Redacted.value(value) : value)

/** Calls that send secrets besides the key, and which. */
const telling: readonly [
  readonly [Call, ReadonlyArray<string>],
  ...ReadonlyArray<readonly [Call, ReadonlyArray<string>]>
] = [
  [Atlas.spawnCompute({ gpu: "h100", image: "me/server", env: environment, command, auth: "bearer" }, options), values],
  [Atlas.spawnCompute({ gpu: "h100", image: "me/server", env: environment, name: "x" }, options), values],
  [Atlas.createTemplate({ name: "server", image: "me/server", env: { SECRET: canary(6) } }, options), [canary(6)]]
]

const silent: readonly [Call, ...ReadonlyArray<Call>] = [
  Atlas.spawnCompute({ gpu: "h100", image: "me/server", env: environment, ports: ["0/http"] }, options),
  Atlas.spawnCompute({ gpu: "h100", env: { ...environment, BROKEN: `${canary(5)}\0` } }, options),
  Atlas.runJob({ endpoint: "demo", input: jobInput, webhook, policy }, options),
  Atlas.runJob({ endpoint: "demo", input: jobInput, webhook, mode: "sync", timeout: "5 seconds" }, options),
  Atlas.getCompute("pod123", options),
  Atlas.listCompute({}, options),
  Atlas.terminate("pod123", options),
  Atlas.stop("pod123", options),
  Atlas.getJob(job, options),
  Stream.runDrain(Atlas.streamJob(job, { ...options, idleTimeout: "10 seconds" })),
  Stream.runDrain(Atlas.streamLogs("pod123", {}, options)),
  Atlas.computeSpend("pod123", {}, options),
  Atlas.createNetworkVolume({ name: "models", sizeGb: 10, region: "EU-RO-1" }, options),
  Atlas.listGpuTypes({ ...options, baseUrl: `https://user:${canary(7)}@api.runpod.io/v2` })
]

const anyCall = Effect.flatMap(
  Random.nextBoolean,
  (tells) => tells ? pick(telling) : Effect.map(pick(silent), (call) => [call, []] as const)
)

/** Everything a program could print of an exit. */
const printed = (exit: Exit.Exit<unknown, AtlasError.AtlasError>): ReadonlyArray<string> => {
  const [reason] = Exit.isFailure(exit) ? exit.cause.reasons : []
  const error = reason !== undefined && reason._tag === "Fail" ? reason.error : null
  return [
    String(exit),
    JSON.stringify(exit),
    inspect(exit, { depth: 20 }),
    ...(Exit.isFailure(exit) ? [Cause.pretty(exit.cause)] : []),
    ...(error === null
      ? []
      : [String(error), error.message, error.stack ?? "", JSON.stringify(error), JSON.stringify(error.raw)]),
    inspect(error, { depth: 20, showHidden: true })
  ]
}

const seeded = (seed: number, lines: Array<string>) =>
  Effect.gen(function*() {
    const cloud = yield* FakeRunPod.FakeRunPodControls
    const [call, sent] = yield* anyCall
    // only the request that carries them is answered with them
    const on = sent.length > 0 ? { on: sent === values ? "createPod" as const : "createTemplate" as const } : {}
    yield* cloud.order({ ...yield* anyFault(sent), ...on })
    const exit = yield* passWhile(Effect.exit(call))
    const { dump } = yield* SpanRecorder.SpanRecorder
    const metrics = yield* Metric.snapshot
    return { exit, texts: [...printed(exit), dump(), inspect(metrics, { depth: 20 })] }
  }).pipe(
    Effect.provide(
      Layer.mergeAll(
        Providers.layer(RunPod.layer({ apiKey: layerKey }).pipe(Layer.provide(FakeRunPod.layerClient))),
        SpanRecorder.layer,
        Logger.layer([Logger.map(Logger.formatJson, (line) => void lines.push(line))])
      ).pipe(Layer.provideMerge(FakeRunPod.layer({ provisioning: 0, starting: 0 }))),
      { local: true }
    ),
    Effect.provideService(Metric.MetricRegistry, new Map()),
    Random.withSeed(`canaries ${seed}`)
  )

describe("of forty secrets in hundreds of failures", () => {
  it.effect(
    "none stands in an error, a span, a metric, a log line or what is kept of an answer",
    () =>
      Effect.gen(function*() {
        const lines: Array<string> = []
        let failed = 0
        for (let seed = 0; failed < failures; seed++) {
          const { exit, texts } = yield* seeded(seed, lines)
          if (Exit.isFailure(exit)) failed++
          for (const text of texts) {
            for (const secret of canaries) {
              if (text.includes(secret)) assert.fail(`seed ${seed}: ${secret} in ${text.slice(0, 2000)}`)
            }
          }
        }
        const log = lines.join("\n")
        assert.deepStrictEqual(canaries.filter((secret) => log.includes(secret)), [])
      }),
    300_000
  )
})
