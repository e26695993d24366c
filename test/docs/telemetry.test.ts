/**
 * guides/telemetry.md says what the code does: every span, attribute, metric and verb stands in its tables, and nothing else does.
 */
import { assert, beforeAll, describe, it } from "@effect/vitest"
import { Atlas } from "effect-atlas"
import * as EventMetrics from "effect-atlas/events/EventMetrics"
import { Fly } from "effect-atlas/fly"
import * as Attributes from "effect-atlas/telemetry/Attributes"
import * as FlyTelemetry from "effect-atlas/telemetry/FlyTelemetry"
import * as Metrics from "effect-atlas/telemetry/Metrics"
import * as OrchestratorMetrics from "effect-atlas/telemetry/OrchestratorMetrics"
import * as Spans from "effect-atlas/telemetry/Spans"
import { SpanRecorder } from "effect-atlas/testing"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as TestClock from "effect/testing/TestClock"
import { matching } from "../laws/files.ts"
import { inTime, open, pass } from "../orchestrator/harness.ts"
import { tour } from "../telemetry/tour.ts"
import { suite } from "./pages.ts"
import { draw, drawing, namesIn, table } from "./telemetryTables.ts"

suite("guides/telemetry.md")

/** Names, each once and in order, so that two lists can be compared. */
const sorted = (names: Iterable<string>): ReadonlyArray<string> => [...new Set(names)].toSorted()

const isAttribute = (name: string): boolean => /^[a-z]+\.[a-z_.]+$/.test(name)

const texts = (module: object): ReadonlyArray<string> =>
  Object.values(module).filter((value): value is string => typeof value === "string")

/** The attributes that the code has names for. */
const attributes = [...texts(Attributes), ...texts(FlyTelemetry).filter(isAttribute)]

/** The spans that the code has names for; `<client>.<endpoint>` stands for those of the requests of adapters. */
const spans: ReadonlyArray<string> = [
  ...Spans.providerOperations.map(Spans.provider),
  ...Spans.orchestratorOperations.map(Spans.orchestrator),
  ...Spans.sessionCommands.map(Spans.command),
  ...texts(Spans),
  ...texts(FlyTelemetry).filter((name) => !isAttribute(name)),
  "<client>.<endpoint>"
]

/** The metrics that the code has, each once. */
const metrics = new Map(
  [Metrics, OrchestratorMetrics, FlyTelemetry, EventMetrics].flatMap((module) =>
    Object.values(module).flatMap((value: unknown) => Metric.isMetric(value) ? [[value.id, value]] : [])
  )
)

let recorded: Effect.Success<typeof tour>

beforeAll(async () => {
  recorded = await Effect.runPromise(Effect.provide(tour, TestClock.layer()))
})

const spanRows = () => table("Spans")
const metricRows = () => table("Metrics")

/** The row of the table that tells of a span; requests share one. */
const nameOf = (name: string, has: ReadonlySet<string>): string =>
  has.has(Attributes.httpRoute) ? "<client>.<endpoint>" : name

/** What each span of the tour had, by the name in the table. */
const seen = () => {
  const all = new Map<string, { readonly kinds: Set<string>; readonly attributes: Set<string> }>()
  for (const { attributes, kind, name } of recorded.spans) {
    const key = nameOf(name, new Set(attributes.keys()))
    const one = all.get(key) ?? { kinds: new Set(), attributes: new Set() }
    one.kinds.add(kind)
    for (const attribute of attributes.keys()) one.attributes.add(attribute)
    all.set(key, one)
  }
  return all
}

describe("the table of spans", () => {
  it("has every span that the code has a name for, and no other", () => {
    assert.deepStrictEqual(sorted(spanRows().flatMap(([name]) => namesIn(name))), sorted(spans))
  })

  it("has every span that a tour of the library records, and the tour records each", () => {
    assert.deepStrictEqual(sorted(spanRows().flatMap(([name]) => namesIn(name))), sorted(seen().keys()))
  })

  it("tells the kind of each span, and exactly the attributes that it can have", () => {
    const real = seen()
    for (const [names, kind, own, when] of spanRows()) {
      assert.isNotEmpty(when)
      for (const name of namesIn(names)) {
        const one = real.get(name)
        assert.deepStrictEqual([...one?.kinds ?? []], [kind], name)
        const told = namesIn(own)
        // the kind of a failure is on every span, and is said once above the table
        const had = [...one?.attributes ?? []].filter((key) =>
          key !== Attributes.errorKind && key !== Attributes.answer
        )
        assert.deepStrictEqual(told.toSorted(), had.toSorted(), name)
      }
    }
  })
})

describe("the table of attributes", () => {
  it("has every attribute that the code has a name for, and no other, each with its type and its meaning", () => {
    const rows = table("Attributes")
    assert.deepStrictEqual(sorted(rows.flatMap(([name]) => namesIn(name))), sorted(attributes))
    for (const [name, type, meaning] of rows) {
      assert.match(type ?? "", /^(text|number|US dollars)$/, name)
      assert.isNotEmpty(meaning, name)
    }
  })

  it("has every attribute that is recorded, on a span or on a link", () => {
    const known = new Set(attributes)
    const onSpans = recorded.spans.flatMap((span) => [...span.attributes.keys()])
    const onLinks = recorded.spans.flatMap(({ links }) => links.flatMap((link) => Object.keys(link.attributes)))
    assert.deepStrictEqual([...onSpans, ...onLinks].filter((key) => !known.has(key)), [])
    assert.deepStrictEqual(attributes.filter((key) => ![...onSpans, ...onLinks].includes(key)), [])
  })
})

describe("the table of metrics", () => {
  const kinds: Readonly<Record<string, string>> = { Counter: "counter", Gauge: "gauge", Histogram: "timer" }

  it("has every metric of the code with its kind, and no other, each with its unit and its meaning", () => {
    assert.deepStrictEqual(sorted(metricRows().flatMap(([name]) => namesIn(name))), sorted(metrics.keys()))
    for (const [name, kind, unit, , meaning] of metricRows()) {
      for (const id of namesIn(name)) assert.strictEqual(kind, kinds[metrics.get(id)?.type ?? ""], id)
      assert.match(unit ?? "", /^[a-z A-Z]+$/, name)
      assert.isNotEmpty(meaning, name)
    }
  })

  it("has the labels of each that a tour of the library records", () => {
    const labels = new Map<string, Set<string>>()
    for (const { attributes, id } of recorded.metrics) {
      const own = labels.get(id) ?? new Set<string>()
      for (const label of Object.keys(attributes ?? {})) if (label !== "time_unit") own.add(label)
      labels.set(id, own)
    }
    const notSeen = metricRows().flatMap(([name]) => namesIn(name)).filter((id) => !labels.has(id))
    // the bus of the tour loses nothing
    assert.deepStrictEqual(notSeen, Object.values(EventMetrics).map(({ id }) => id))
    for (const [name, , , told] of metricRows()) {
      for (const id of namesIn(name)) {
        if (labels.has(id)) assert.deepStrictEqual(sorted(namesIn(told)), sorted(labels.get(id) ?? []))
      }
    }
  })
})

describe("the table of verbs", () => {
  it.effect("has every verb that there is", () =>
    Effect.gen(function*() {
      const { orchestrator } = yield* open()
      const fly = yield* Fly.Fly
      assert.deepStrictEqual(
        sorted(table("Verbs").flatMap(([verb]) => namesIn(verb))),
        sorted([
          ...Object.keys(Atlas).map((verb) => `Atlas.${verb}`),
          ...Object.keys(orchestrator).map((verb) => `Orchestrator.${verb}`),
          ...Object.keys(fly).filter((verb) => verb !== "logs" && verb !== "tokens").map((verb) => `Fly.${verb}`),
          ...Object.keys(fly.logs).map((verb) => `Fly.logs.${verb}`),
          ...Object.keys(fly.tokens).map((verb) => `Fly.tokens.${verb}`),
          "FlyLogs.fetch",
          "FlyLogs.fetchWithRetry",
          "FlyCli.run",
          "Recovery.run"
        ])
      )
    }).pipe(Effect.provide(Fly.layerDisabled)))

  it("tells the spans of each that talks to a provider or waits; the others answer at once, from memory or a file", () => {
    for (const [verbs, told] of table("Verbs")) {
      for (const verb of namesIn(verbs)) assert.deepStrictEqual(recorded.verbs[verb], namesIn(told), verb)
    }
  })
})

describe("names stand in src/telemetry only", () => {
  const allowed = ["src/telemetry/", "src/events/EventMetrics.ts", "src/testing/"]
  const sources = matching(["src/**/*.ts"]).filter(({ path }) => !allowed.some((one) => path.startsWith(one)))
  const found = (pattern: RegExp) =>
    sources.flatMap(({ path, text }) =>
      text.split("\n").flatMap((line, index) =>
        !line.trimStart().startsWith("*") && pattern.test(line) ? [`${path}:${index + 1} ${line.trim()}`] : []
      )
    )

  it("of spans", () => {
    assert.deepStrictEqual(found(/(withSpan|useSpan|makeSpan\w*|withSpanScoped|Effect\.fn)\(\s*["`]/), [])
  })

  it("of metrics", () => {
    assert.deepStrictEqual(found(/Metric\.(counter|gauge|timer|histogram|summary|frequency)\(/), [])
  })

  it("of attributes", () => {
    assert.deepStrictEqual(found(/["`](atlas\.[a-z_.]+|http\.request\.[a-z_]+|url\.template|server\.address)["`]/), [])
  })
})

it.effect("the drawn trace is that of a real session", () =>
  Effect.gen(function*() {
    const { spans } = yield* SpanRecorder.SpanRecorder
    const { controls, orchestrator } = yield* open()
    yield* pass(1)
    const begun = spans.length
    const request = { gpu: "h100", spot: true, providerOpts: { costPerHour: 3.6 } } as const
    const options = { userId: "user-7", idleTtl: false, onFailure: { respawn: 1 } } as const
    const { compute, id } = yield* orchestrator.spawn(request, options).pipe(Effect.withSpan("POST /machines"))
    yield* pass(20, "1 minute")
    yield* controls.setStatus(compute.id, "terminated")
    yield* pass(20, "1 minute")
    yield* inTime(orchestrator.stopTracked(id)).pipe(Effect.withSpan("DELETE /machines/:id"))
    yield* pass(1)
    const background = new Set(["ProviderFeed.list", "Reaper.judge"])
    const roots = spans.filter(({ name, parent }) => parent._tag === "None" && background.has(name))
    const traces = new Set(roots.map(({ traceId }) => traceId))
    assert.strictEqual(drawing(), draw(spans.slice(begun).filter(({ traceId }) => !traces.has(traceId))))
  }).pipe(Effect.provide(SpanRecorder.layer)))
