/**
 * What a careful user of Effect writes by hand for the calls that are measured: headers, a schema for what is sent, one span, a time
 * limit, and a schema for the answer. That is RunPod's documented answer, whole, which is what the bounds are held against; beside it
 * one with no more fields than the library reads, which tells what the fields alone save.
 */
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { Pod as Whole, PodList } from "../../src/providers/runpod/RunPodSchema.ts"
import { answerOf, answers, headersOf } from "./loopback.ts"

const optional = <S extends Schema.Constraint>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

const Pod = Schema.Struct({
  id: Schema.String,
  name: optional(Schema.String),
  status: Schema.String,
  image: optional(Schema.String),
  ports: optional(Schema.Array(Schema.String)),
  env: optional(Schema.Record(Schema.String, Schema.String)),
  gpu: optional(Schema.Struct({ id: Schema.String, count: Schema.Finite })),
  cpu: optional(Schema.Struct({ id: Schema.String })),
  dataCenterId: optional(Schema.String),
  cost: optional(Schema.Finite),
  runtime: optional(Schema.Struct({
    ports: optional(Schema.Array(Schema.Struct({
      private: Schema.Finite,
      public: optional(Schema.Finite),
      type: optional(Schema.String),
      ip: optional(Schema.String)
    })))
  })),
  createdAt: optional(Schema.String),
  startedAt: optional(Schema.String)
})

const Page = Schema.Struct({
  pods: Schema.Array(Pod),
  pagination: Schema.Struct({ nextCursor: Schema.NullOr(Schema.String), hasNextPage: Schema.Boolean })
})

const CreatePod = Schema.Struct({
  name: Schema.NonEmptyString,
  image: Schema.NonEmptyString,
  gpu: Schema.Struct({ id: Schema.String, count: Schema.Int.check(Schema.isGreaterThan(0)) }),
  disk: Schema.Int.check(Schema.isGreaterThan(0)),
  ports: Schema.Array(Schema.String),
  env: Schema.Record(Schema.String, Schema.String)
})

const limit = "30 seconds"
const readPod = HttpClientResponse.schemaBodyJson(Pod)
const readPage = HttpClientResponse.schemaBodyJson(Page)
const readWhole = HttpClientResponse.schemaBodyJson(Whole)
const readWholePage = HttpClientResponse.schemaBodyJson(PodList)
const withPod = HttpClientRequest.schemaBodyJson(CreatePod)

/** The calls by hand, over this client. */
export const plain = (http: HttpClient.HttpClient, baseUrl: string, apiKey: string) => {
  const headers = { authorization: `Bearer ${apiKey}`, accept: "application/json", "user-agent": "bench" }
  const sent = (request: HttpClientRequest.HttpClientRequest) =>
    Effect.flatMap(http.execute(request), HttpClientResponse.filterStatusOk)
  const asked = (path: string) => sent(HttpClientRequest.get(`${baseUrl}${path}`, { headers }))
  const pageAt = (cursor: string | null) =>
    Effect.flatMap(asked(cursor === null ? "/pods" : `/pods?cursor=${encodeURIComponent(cursor)}`), readPage).pipe(
      Effect.timeout(limit)
    )
  const wholeAt = (cursor: string | null) =>
    Effect.flatMap(asked(cursor === null ? "/pods" : `/pods?cursor=${encodeURIComponent(cursor)}`), readWholePage).pipe(
      Effect.timeout(limit)
    )
  const getWith =
    <A, E>(read: (response: HttpClientResponse.HttpClientResponse) => Effect.Effect<A, E>) => (id: string) =>
      Effect.suspend(() => Effect.flatMap(asked(`/pods/${encodeURIComponent(id)}`), read)).pipe(
        Effect.timeout(limit),
        Effect.withSpan("getPod", { kind: "client", attributes: { id } })
      )
  const createWith =
    <A, E>(read: (response: HttpClientResponse.HttpClientResponse) => Effect.Effect<A, E>) =>
    (body: typeof CreatePod.Type) =>
      Effect.flatMap(withPod(HttpClientRequest.post(`${baseUrl}/pods`, { headers }), body), sent).pipe(
        Effect.flatMap(read),
        Effect.timeout(limit),
        Effect.withSpan("createPod", { kind: "client" })
      )
  return {
    getPod: getWith(readPod),
    getWholePod: getWith(readWhole),
    createPod: createWith(readPod),
    createWholePod: createWith(readWhole),
    listPods: Effect.gen(function*() {
      const all: Array<typeof Pod.Type> = []
      for (let page = yield* pageAt(null);; page = yield* pageAt(page.pagination.nextCursor)) {
        all.push(...page.pods)
        if (!page.pagination.hasNextPage) return all
      }
    }).pipe(Effect.withSpan("listPods", { kind: "client" })),
    /** Every field that RunPod documents, each of which may be missing or odd. */
    listWholePods: Effect.gen(function*() {
      const all: Array<typeof Whole.Type> = []
      for (let page = yield* wholeAt(null);; page = yield* wholeAt(page.pagination?.nextCursor ?? null)) {
        all.push(...page.pods)
        if (page.pagination?.hasNextPage !== true) return all
      }
    }).pipe(Effect.withSpan("listPods", { kind: "client" }))
  }
}

/** The same answers as from the loopback server, without a connection: what is measured is the code above it. */
export const layerInProcess: Layer.Layer<HttpClient.HttpClient> = Layer.sync(HttpClient.HttpClient, () => {
  const known = answers()
  return HttpClient.make((request, url) =>
    Effect.sync(() => {
      const isCreate = request.method === "POST"
      const body = isCreate
        ? answerOf(request.body._tag === "Uint8Array" ? new TextDecoder().decode(request.body.body) : "")
        : known.get(`${request.method} ${url.pathname.slice("/v2/".length)}${url.search}`) ?? Buffer.from("")
      const response = new Response(new Uint8Array(body), { status: isCreate ? 201 : 200, headers: headersOf(body) })
      return HttpClientResponse.fromWeb(request, response)
    })
  )
})
