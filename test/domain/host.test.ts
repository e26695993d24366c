/**
 * The library behind an `HttpApi`: what a host answers is proper JSON with a status that fits, and holds no credential unless the
 * host says so.
 */
import { assert, describe, it } from "@effect/vitest"
import { AtlasError, Compute, Credential, HttpErrors } from "effect-atlas"
import * as FlyError from "effect-atlas/fly/FlyError"
import { Orchestrator } from "effect-atlas/orchestrator"
import * as Effect from "effect/Effect"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as HttpApiTest from "effect/http-api/HttpApiTest"
import * as HttpEffect from "effect/http/HttpEffect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServer from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { inTime, open } from "../orchestrator/harness.ts"
import { acme, machine } from "../support/acme.ts"
import { bearerOf, secretOf } from "../support/secrets.ts"

const Machine = Schema.Struct({ compute: Compute.Compute, credential: Schema.NullOr(Credential.Revealed) })

const error = HttpErrors.of(AtlasError.AtlasError)
const params = { id: Schema.String }

/** What a handler of the host under test may answer, each at its own path. */
interface Answers {
  readonly tracked: Effect.Effect<Orchestrator.Tracked, AtlasError.AtlasError>
  readonly machine: Effect.Effect<typeof Machine.Type, AtlasError.AtlasError>
  readonly compute: Effect.Effect<Compute.Compute, AtlasError.AtlasError>
  readonly reason: Effect.Effect<void, AtlasError.NotFound | AtlasError.Timeout>
  readonly fly: Effect.Effect<void, FlyError.FlyError>
}

const api = HttpApi.make("host").add(
  HttpApiGroup.make("machines").add(
    HttpApiEndpoint.post("tracked", "/tracked", { success: Orchestrator.Tracked, error }),
    HttpApiEndpoint.post("machine", "/machine", { success: Machine, error }),
    HttpApiEndpoint.get("compute", "/compute/:id", { params, success: Compute.Compute, error }),
    HttpApiEndpoint.get("reason", "/reason", { error: [AtlasError.NotFound, AtlasError.Timeout] }),
    HttpApiEndpoint.get("fly", "/fly", { error: HttpErrors.of(FlyError.FlyError) })
  )
)

const unasked = Effect.die("not asked for by this test")

const handlersOf = (answers: Partial<Answers>) =>
  HttpApiBuilder.group(api, "machines", (group) =>
    group.handleAll({
      tracked: () => answers.tracked ?? unasked,
      machine: () => answers.machine ?? unasked,
      compute: () => answers.compute ?? unasked,
      reason: () => answers.reason ?? unasked,
      fly: () => answers.fly ?? unasked
    }))

/** Sends one request to a host and reads the answer as its user does. */
const ask = (method: "GET" | "POST", path: string, answers: Partial<Answers>) =>
  Effect.gen(function*() {
    const routes = HttpApiBuilder.layer(api).pipe(
      Layer.provide(handlersOf(answers)),
      Layer.provide(HttpServer.layerServices)
    )
    const app = yield* HttpRouter.toHttpEffect(routes)
    const handle = HttpEffect.toWebHandler(app)
    const response = yield* Effect.promise(() => handle(new Request(`http://host.test${path}`, { method })))
    const text = yield* Effect.promise(() => response.text())
    return { status: response.status, text, type: response.headers.get("content-type") }
  })

describe("a host", () => {
  it.effect("answers the compute it has rented with a bearer token, without the token", () =>
    Effect.gen(function*() {
      const compute = machine({ auth: bearerOf("canary-token") })
      const { status, text } = yield* ask("GET", "/compute/acme-1", { compute: Effect.succeed(compute) })
      assert.strictEqual(status, 200)
      assert.deepInclude(JSON.parse(text), { id: compute.id, status: "running", auth: null })
      assert.notInclude(text, "canary")
    }))

  it.effect("answers the session it has begun, without the credential that stands beside the machine", () =>
    Effect.gen(function*() {
      const { orchestrator } = yield* open()
      const tracked = yield* orchestrator.spawn({ auth: "bearer", ports: ["8000/http"] })
      const { status, text } = yield* ask("POST", "/tracked", { tracked: Effect.succeed(tracked) })
      assert.strictEqual(status, 200)
      assert.deepInclude(JSON.parse(text), { id: tracked.id, auth: null })
      assert.lengthOf(secretOf(tracked.auth), 43)
      assert.notInclude(text, secretOf(tracked.auth))
    }))

  it.effect("that says so sends the credential to its user", () =>
    Effect.gen(function*() {
      const credential = bearerOf("canary-token")
      const answer = Effect.succeed({ compute: machine({ auth: credential }), credential })
      const { status, text } = yield* ask("POST", "/machine", { machine: answer })
      assert.strictEqual(status, 200)
      assert.deepInclude(JSON.parse(text), { credential: Credential.reveal(credential) })
      assert.propertyVal(JSON.parse(text).compute, "auth", null)
    }))

  it.effect("answers 504 with the typed Timeout when a machine with a bearer token is not ready in time", () =>
    Effect.gen(function*() {
      const { orchestrator } = yield* open({ mock: { provisioning: "1 hour" } })
      const { auth, id } = yield* orchestrator.spawn({ auth: "bearer", ports: ["8000/http"] })
      const failure = yield* Effect.flip(inTime(orchestrator.awaitReady(id, { timeout: "10 seconds" })))
      assert.propertyVal(failure.reason, "_tag", "Timeout")
      const { status, text } = yield* ask("GET", "/compute/acme-1", { compute: Effect.fail(failure) })
      assert.strictEqual(status, 504)
      const again = yield* Schema.decodeUnknownEffect(Schema.toCodecJson(AtlasError.AtlasError))(JSON.parse(text))
      assert.deepStrictEqual(again, failure)
      assert.notInclude(text, secretOf(auth))
    }))

  it.effect("answers a compute with a credential in an error as JSON, too", () =>
    Effect.gen(function*() {
      const reason = new AtlasError.Timeout({ lastSeen: machine({ auth: bearerOf("canary-token") }) })
      const { status, text } = yield* ask("GET", "/reason", { reason: Effect.fail(reason) })
      assert.strictEqual(status, 504)
      assert.propertyVal(JSON.parse(text).lastSeen, "auth", null)
      assert.notInclude(text, "canary")
    }))
})

/** Every reason, and what it means to the caller of a host. */
const statuses: ReadonlyArray<readonly [AtlasError.AtlasErrorReason, number]> = [
  [new AtlasError.Unauthorized({ status: 401 }), 502],
  [new AtlasError.Forbidden({ status: 403 }), 502],
  [new AtlasError.NotFound({ status: 404 }), 404],
  [new AtlasError.RateLimited({ status: 429 }), 429],
  [new AtlasError.Timeout({}), 504],
  [new AtlasError.Unsupported({ capability: "spot" }), 501],
  [new AtlasError.Validation({ issues: [{ path: "gpu", message: "is required" }] }), 422],
  [new AtlasError.ProviderFault({ status: 500 }), 502],
  [new AtlasError.Transport({}), 502],
  [new AtlasError.Unknown({ status: 302 }), 502],
  [new AtlasError.NoCapacity({}), 503],
  [new AtlasError.Uncertain({}), 502],
  [new AtlasError.Ended({ status: "failed" }), 410],
  [new AtlasError.BudgetExceeded({}), 402],
  [new AtlasError.NotTracked({}), 404],
  [new AtlasError.StorageFault({}), 500]
]

/** Those of Fly that `AtlasError` does not have. */
const flyStatuses: ReadonlyArray<readonly [FlyError.FlyErrorReason, number]> = [
  [new FlyError.FlyNotFound({}), 500],
  [new FlyError.FlyTimeout({ limit: "absolute" }), 504],
  [new FlyError.FlyExitCode({ exitCode: 1 }), 502],
  [new FlyError.InvalidDeployDir({ path: "/nowhere" }), 422],
  [new FlyError.NoToken({}), 500],
  [new FlyError.PersistFailed({}), 500],
  [new FlyError.ManualCorrupt({ path: "/token" }), 500],
  [new FlyError.NoStreamer({}), 503],
  [new FlyError.AlreadyRunning({}), 409],
  [new AtlasError.RateLimited({}), 429]
]

describe("a failure", () => {
  it.effect("is the same failure to the typed client of the host", () =>
    Effect.gen(function*() {
      const reason = new AtlasError.NotFound({ status: 404, message: "no such pod" })
      const failure = new AtlasError.AtlasError({ provider: acme, operation: "getCompute", reason })
      const client = yield* HttpApiTest.groups(api, ["machines"]).pipe(
        Effect.provide([handlersOf({ compute: Effect.fail(failure) }), HttpServer.layerServices])
      )
      assert.deepStrictEqual(yield* Effect.flip(client.machines.compute({ params: { id: "acme-1" } })), failure)
    }))

  it.effect.each(statuses)(
    "is answered with the status of its reason: %s %s",
    ([reason, expected]) =>
      Effect.gen(function*() {
        const failure = new AtlasError.AtlasError({ provider: acme, operation: "spawnCompute", reason })
        assert.strictEqual(failure.httpStatus, expected)
        const { status, text, type } = yield* ask("GET", "/compute/acme-1", { compute: Effect.fail(failure) })
        assert.deepStrictEqual([status, type], [expected, "application/json"])
        const again = yield* Schema.decodeUnknownEffect(Schema.toCodecJson(AtlasError.AtlasError))(JSON.parse(text))
        assert.deepStrictEqual(again, failure)
      })
  )

  it("has a status for every reason there is", () => {
    assert.deepStrictEqual(
      statuses.map(([{ _tag }]) => _tag).toSorted(),
      AtlasError.AtlasErrorReason.members.map((one) => one.fields._tag.schema.literal).toSorted()
    )
  })

  it.effect.each(flyStatuses)(
    "of Fly is answered with the status of its reason: %s %s",
    ([reason, expected]) =>
      Effect.gen(function*() {
        const failure = new FlyError.FlyError({ app: "shop", operation: "deploy", reason })
        assert.strictEqual(failure.httpStatus, expected)
        const { status, text } = yield* ask("GET", "/fly", { fly: Effect.fail(failure) })
        assert.strictEqual(status, expected)
        const again = yield* Schema.decodeUnknownEffect(Schema.toCodecJson(FlyError.FlyError))(JSON.parse(text))
        assert.deepStrictEqual(again, failure)
      })
  )
})
