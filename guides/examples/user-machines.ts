/**
 * A web service that gives each of its users a machine: an HTTP API with tokens, events as they happen, and a stop that does
 * not wait for readers. It is its own client here, and shows what that gets.
 */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { AtlasError, BearerToken, Compute, Credential, HttpErrors, Providers } from "effect-atlas"
import * as OpenStreams from "effect-atlas/events/OpenStreams"
import { Orchestrator, SessionInfo, SessionStore } from "effect-atlas/orchestrator"
import * as LocalProvider from "effect-atlas/providers/LocalProvider"
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import * as HttpApiClient from "effect/http-api/HttpApiClient"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as HttpApiMiddleware from "effect/http-api/HttpApiMiddleware"
import * as HttpApiSchema from "effect/http-api/HttpApiSchema"
import * as HttpApiSecurity from "effect/http-api/HttpApiSecurity"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServer from "effect/http/HttpServer"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as http from "node:http"

/** Who asks, as the token says. */
class User extends Context.Service<User, string>()("example/User") {}

class Denied extends Schema.TaggedError<Denied>("example/Denied")("Denied", {}, { httpApiStatus: 401 }) {}

class Signed extends HttpApiMiddleware.Service<Signed, { provides: User }>()("example/Signed", {
  error: Denied,
  security: { bearer: HttpApiSecurity.bearer }
}) {}

// the one answer that holds the credential as text, since it goes to the user the machine was rented for
const Machine = Schema.Struct({
  id: Schema.String,
  compute: Compute.Compute,
  credential: Schema.NullOr(Credential.Revealed)
})

const params = { id: Schema.String }
const error = HttpErrors.of(AtlasError.AtlasError)

const api = HttpApi.make("machines").add(
  HttpApiGroup.make("machines").add(
    HttpApiEndpoint.post("rent", "/machines", { success: Machine.pipe(HttpApiSchema.status(201)), error }),
    HttpApiEndpoint.get("info", "/machines/:id", { params, success: SessionInfo.SessionInfo, error }),
    HttpApiEndpoint.get("events", "/machines/:id/events", {
      params,
      success: HttpApiSchema.StreamSse({ data: Orchestrator.SessionElement, error: AtlasError.AtlasError }),
      error
    }),
    HttpApiEndpoint.delete("end", "/machines/:id", { params, success: HttpApiSchema.NoContent, error })
  ).middleware(Signed)
)

/** A session of the one who asks: another's is as unknown as one that never was. */
const own = (id: string) =>
  Effect.gen(function*() {
    const session = yield* Orchestrator.info(id)
    if (session.userId === (yield* User)) return session
    const reason = new AtlasError.NotTracked({ message: `there is no session ${id}` })
    return yield* new AtlasError.AtlasError({ provider: null, operation: "info", reason })
  })

const machines = HttpApiBuilder.group(api, "machines", (group) =>
  Effect.gen(function*() {
    const { until } = yield* OpenStreams.OpenStreams
    // a stream is read after its handler has answered, so what it needs is taken here
    const orchestrator = yield* Orchestrator.Orchestrator
    return group.handleAll({
      rent: () =>
        Effect.gen(function*() {
          const userId = yield* User
          const { auth, compute, id } = yield* orchestrator.spawn(
            { image: "builtin:inference-server", ports: ["8000/http"], auth: "bearer" },
            { userId, idleTtl: "10 minutes", maxRuntime: "4 hours" }
          )
          return { id, compute, credential: auth }
        }),
      info: ({ params }) => own(params.id),
      events: ({ params }) => Effect.map(own(params.id), ({ id }) => until(orchestrator.events(id))),
      end: ({ params }) => Effect.flatMap(own(params.id), ({ id }) => orchestrator.stopTracked(id))
    })
  }))

/** Hashes of tokens, as a database would hold them, and whose they are. */
const signed = (users: ReadonlyMap<string, string>) =>
  Layer.succeed(
    Signed,
    Signed.of({
      bearer: (handler, { credential }) =>
        Effect.gen(function*() {
          const user = users.get(yield* BearerToken.hash(credential))
          return user === undefined ? yield* new Denied() : yield* Effect.provideService(handler, User, user)
        })
    })
  )

// a browser would come back on the connection of the stream that ended, and hold the stop with it
const streamsAlone = HttpRouter.middleware(
  (handler) =>
    Effect.map(handler, (response) =>
      response.headers["content-type"]?.startsWith("text/event-stream") === true
        ? HttpServerResponse.setHeader(response, "connection", "close")
        : response),
  { global: true }
)

const orchestrator = Orchestrator.layer({ owner: "example", pollInterval: "200 millis" }).pipe(
  Layer.provideMerge(Providers.layer(LocalProvider.layer())),
  Layer.provide([SessionStore.layerMemory, NodeServices.layer])
)

// closed from the outside in: the streams end, the server answers what was asked, the orchestrator ends its machines
const service = (users: ReadonlyMap<string, string>) =>
  HttpApiBuilder.layer(api).pipe(
    Layer.provide([machines, streamsAlone]),
    Layer.provide(signed(users)),
    (routes) => HttpRouter.serve(routes, { disableLogger: true, disableListenLog: true }),
    Layer.provideMerge(NodeHttpServer.layer(http.createServer, { host: "127.0.0.1", port: 0 })),
    OpenStreams.endFirst,
    Layer.provideMerge(orchestrator)
  )

const client = (token: Redacted.Redacted) =>
  Effect.flatMap(HttpServer.HttpServer, ({ address }) =>
    HttpApiClient.make(api, {
      baseUrl: HttpServer.formatAddress(address),
      transformClient: HttpClient.mapRequest(HttpClientRequest.bearerToken(token))
    }))

const program = Effect.gen(function*() {
  const alice = yield* BearerToken.mint
  const users = new Map([[alice.hash, "alice"]])
  const events = yield* Effect.gen(function*() {
    const stranger = yield* client(Redacted.make("guessed"))
    const refused = yield* Effect.flip(stranger.machines.rent())
    yield* Console.log(`a stranger is told: ${refused._tag}`)

    const { machines } = yield* client(alice.token)
    const { credential, id } = yield* machines.rent()
    yield* Console.log(`alice has a machine, and a token for it: ${credential?._tag}`)
    const missing = yield* Effect.flip(machines.info({ params: { id: "another" } }))
    yield* Console.log(
      `of a machine that is not hers she is told: ${missing._tag === "AtlasError" ? missing.kind : missing._tag}`
    )

    const heard = yield* Deferred.make<void>()
    const following = yield* Effect.forkDetach(
      Stream.runCollect(
        Stream.tap(yield* machines.events({ params: { id } }), () => Deferred.succeed(heard, undefined))
      )
    )
    yield* Deferred.await(heard)
    return following
  }).pipe(Effect.provide(service(users)))
  // the service is closed here, with the stream still open
  const all = Array.from(yield* Fiber.join(events))
  yield* Console.log(`her events ended with the service, after: ${all[0]?._tag}`)
})

program.pipe(Effect.provide(FetchHttpClient.layer), NodeRuntime.runMain)
