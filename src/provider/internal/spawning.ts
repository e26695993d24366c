/** The rent itself: checked and credentialed, sent once, resolved when its answer is lost, ended when its caller leaves. */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as BearerToken from "../../auth/BearerToken.ts"
import * as SignedUrl from "../../auth/SignedUrl.ts"
import {
  type AtlasError,
  type AtlasErrorReason,
  invalid,
  Uncertain,
  Unknown,
  Unsupported
} from "../../domain/AtlasError.ts"
import { AuthHandle, Compute } from "../../domain/Compute.ts"
import * as ComputeRequest from "../../domain/ComputeRequest.ts"
import { decoder } from "../../domain/Decode.ts"
import { ComputeId, type ProviderId } from "../../domain/Ids.ts"
import { asUnrepeatable } from "../../domain/Refusal.ts"
import * as Attributes from "../../telemetry/Attributes.ts"
import type { PreparedCreate, PreparedSpawn, SpawnDraft } from "../Adapter.ts"
import { type CallOptions, decode as decodeCall } from "../Call.ts"
import type { Capability } from "../Capability.ts"
import * as ContainerEnv from "../ContainerEnv.ts"
import type { ComputeFacet, RentOptions } from "../Facets.ts"
import * as Lease from "../Lease.ts"
import * as NameStamp from "../NameStamp.ts"
import * as Termination from "../Termination.ts"
import { idAttribute, type Observer } from "./observe.ts"

const isComputeId = Schema.is(ComputeId)

/** The clocks of a provider and of this machine may be this far apart. */
const skew = Duration.toMillis(Duration.minutes(5))

const isAsPrepared = (rent: PreparedSpawn, made: Compute): boolean => made.name === rent.name && isComputeId(made.id)

const bare = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, "")

/** Nobody else's name holds the attempt, however the provider wrote it. */
const bearsAttempt = ({ stamp }: PreparedSpawn, { name }: Compute): boolean =>
  name !== null && bare(name).includes(stamp.attempt)

/** Whether it certainly is somebody else's, or was there before. */
const isForeign = ({ createdAt, name }: Compute, sentAt: number): boolean =>
  Option.isSome(NameStamp.parse(name ?? "")) ||
  (createdAt !== null && DateTime.toEpochMillis(createdAt) < sentAt - skew)

/**
 * An answer about another compute than the one asked for is no answer: ours is looked for by its name. What it names is told
 * unless it is foreign for certain, and as `lastSeen` only where it is ours for certain: that one may be ended.
 */
const misnamed = (rent: PreparedSpawn, made: Compute, sentAt: number): Uncertain => {
  const known = { computeName: rent.name, message: "the create was answered with another compute" }
  if (!isComputeId(made.id) || made.name === rent.name) return new Uncertain(known)
  const message = `the create was answered with ${made.id}, which is called ${
    made.name ?? "nothing"
  } and not ${rent.name}`
  const named = { ...known, computeId: made.id, message }
  if (bearsAttempt(rent, made)) return new Uncertain({ ...named, lastSeen: made })
  return new Uncertain(isForeign(made, sentAt) ? known : named)
}

const decodeId = decoder(ComputeId, "id")

interface Wiring<Prepared> {
  readonly id: ProviderId
  readonly capabilities: ReadonlyArray<Capability>
  readonly create: PreparedCreate<Prepared>
  readonly settleWindow: Duration.Duration
  readonly observer: Observer
  readonly wrap: (operation: string) => (reason: AtlasErrorReason) => AtlasError
  readonly get: ComputeFacet["get"]
  readonly terminate: ComputeFacet["terminate"]
  readonly list: ComputeFacet["list"]
}

/** What the container is told, and what its caller gets. */
interface Credential {
  readonly auth: AuthHandle | null
  readonly env: ContainerEnv.Variables
}

const mint = (scheme: ComputeRequest.ComputeRequest["auth"]): Effect.Effect<Credential> =>
  Effect.gen(function*() {
    switch (scheme) {
      case "none":
        return { auth: null, env: {} }
      case "bearer": {
        const { env, hash, header, token } = yield* BearerToken.mint
        return { auth: new AuthHandle({ scheme, token, hash, header }), env }
      }
      case "signed_url": {
        const { env, secret } = yield* SignedUrl.mintSecret
        return { auth: new AuthHandle({ scheme, token: secret, hash: null, header: null }), env }
      }
    }
  })

/** As long as a real one and worth nothing: what a request is checked with that may never be sent. */
const sample = Redacted.make("x".repeat(43))

const sampleOf = (scheme: ComputeRequest.ComputeRequest["auth"]): Effect.Effect<Credential> => {
  switch (scheme) {
    case "none":
      return Effect.succeed({ auth: null, env: {} })
    case "bearer":
      return Effect.succeed({ auth: null, env: { ATLAS_PRESHARED_KEY: sample } })
    case "signed_url":
      return Effect.succeed({ auth: null, env: { ATLAS_SIGNING_SECRET: sample } })
  }
}

const withAuth = (compute: Compute, auth: AuthHandle | null): Compute =>
  auth === null ? compute : new Compute({ ...compute, auth })

/** While handing back, a bug of the adapter or an interrupt of its own is one more failed look: it must not stop the next. */
const asReason = <A>(self: Effect.Effect<A, AtlasError>): Effect.Effect<A, AtlasErrorReason> =>
  Effect.catchCause(self, (cause) =>
    Effect.fail(
      Option.match(Cause.findErrorOption(cause), {
        onSome: (error) => error.reason,
        onNone: () => new Unknown({ message: "the adapter broke" })
      })
    ))

const leftItsCaller = (exit: Exit.Exit<unknown, unknown>): boolean =>
  Exit.isFailure(exit) && (Exit.hasInterrupts(exit) || Exit.hasDies(exit))

export const make = <Prepared>(
  { capabilities, create, get, id, list, observer, settleWindow, terminate, wrap }: Wiring<Prepared>
): Omit<ComputeFacet, "get" | "list" | "terminate"> => {
  const settleNanos = Duration.toNanosUnsafe(settleWindow)

  /** The three calls that looking and ending need, as reasons. */
  const handsOf = (options: CallOptions | undefined): Termination.ComputeCalls => ({
    named: (name) => asReason(list({ name }, options)),
    get: (computeId) => asReason(get(computeId, options)),
    terminate: (computeId) => asReason(terminate(computeId, options))
  })

  const lacking = (capability: Capability, field: string) =>
    capabilities.includes(capability)
      ? Effect.void
      : Effect.fail(new Unsupported({ capability, message: `${id} has no ${capability}: leave \`${field}\` out` }))

  /** What changes cost or safety is never ignored, also where an adapter does not look at it. */
  const checkWanted = ({ networkVolumeId, spot }: ComputeRequest.ComputeRequest) =>
    Effect.andThen(
      spot ? lacking("spot", "spot") : Effect.void,
      networkVolumeId === null ? Effect.void : lacking("network_volumes", "networkVolumeId")
    )

  /** What stands behind the handles of this provider's rents; it can hold secrets, so nobody else sees it. */
  const prepareds = new WeakMap<object, { readonly wire: Prepared }>()

  const built = (
    input: ComputeRequest.Input | ComputeRequest.ComputeRequest,
    options: RentOptions | undefined,
    credential: (scheme: ComputeRequest.ComputeRequest["auth"]) => Effect.Effect<Credential>
  ) =>
    Effect.gen(function*() {
      const { stamp: given, ...callOptions } = options ?? {}
      const call = yield* decodeCall(callOptions, "spawnCompute")
      const request = yield* ComputeRequest.decode(input, "spawnCompute")
      const stamp = given ?? (yield* NameStamp.adhoc(request.name))
      const name = NameStamp.render(stamp)
      if (Option.isNone(NameStamp.parse(name))) {
        return yield* invalid("spawnCompute", [{ path: "stamp", message: "Expected a stamp made by NameStamp" }], id)
      }
      const checked = Effect.gen(function*() {
        const { auth, env: own } = yield* credential(request.auth)
        const env = yield* ContainerEnv.build({ env: request.env, auth: own })
        const draft: SpawnDraft = { request, stamp, name, env, auth }
        // the adapter's own words first: it knows better why not
        const wire = yield* create.prepare(draft, call)
        yield* checkWanted(request)
        return { draft, wire }
      })
      return yield* Effect.mapError(checked, wrap("spawnCompute"))
    })

  const check: ComputeFacet["check"] = (input, options) => Effect.asVoid(built(input, options, sampleOf))

  const prepare: ComputeFacet["prepare"] = (input, options) =>
    Effect.map(built(input, options, mint), ({ draft, wire }) => {
      const prepared = Object.freeze({})
      prepareds.set(prepared, { wire })
      return { ...draft, prepared }
    })

  /** When this provider answered its latest creates, so that an absence right after one proves nothing. */
  const madeAt = new Map<string, bigint>()
  const remember = (computeId: string) =>
    Effect.map(Clock.monotonicTimeNanos, (now) => {
      for (const [old, at] of madeAt) {
        if (now - at > settleNanos) madeAt.delete(old)
      }
      madeAt.set(computeId, now)
    })

  const send = (rent: PreparedSpawn, options: CallOptions | undefined) =>
    Effect.gen(function*() {
      const call = yield* decodeCall(options, "spawnCompute")
      const prepared = prepareds.get(rent.prepared)
      if (prepared === undefined) {
        return yield* invalid("spawnCompute", [{ path: "rent", message: `Expected one that ${id} prepared` }], id)
      }
      const sentAt = yield* Clock.currentTimeMillis
      return yield* create.send({ ...rent, prepared: prepared.wire }, call).pipe(
        Effect.mapError(asUnrepeatable),
        Effect.filterOrFail((made) => isAsPrepared(rent, made), (made) => misnamed(rent, made, sentAt)),
        Effect.tap((made) => remember(made.id)),
        Effect.mapBoth({ onSuccess: (made) => withAuth(made, rent.auth), onFailure: wrap("spawnCompute") })
      )
    })

  const lookFor = (rent: PreparedSpawn, options: CallOptions | undefined) =>
    Effect.gen(function*() {
      const hands = handsOf(options)
      const [found, ...duplicates] = yield* Termination.find(hands, rent.name, settleWindow)
      yield* Termination.endAll(hands, duplicates)
      return found === undefined ? null : withAuth(found, rent.auth)
    })

  const spawnObserved = observer.effect("spawnCompute")
  const rentObserved = observer.effect("rentCompute")
  const resolveObserved = observer.effect("resolveCompute")
  const endObserved = observer.effect("endCompute")

  const sent: Omit<ComputeFacet, "get" | "list" | "terminate" | "spawn"> = {
    check,
    prepare,
    rent: (rent, options) => rentObserved(send(rent, options), { [Attributes.computeName]: rent.name }),
    resolve: (rent, options) =>
      resolveObserved(
        Effect.mapError(lookFor(rent, options), wrap("resolveCompute")),
        { [Attributes.computeName]: rent.name }
      ),
    abandon: (rent, options) =>
      endObserved(
        Effect.mapError(Termination.endNamed(handsOf(options), rent.name, settleWindow), wrap("endCompute")),
        { [Attributes.computeName]: rent.name }
      ),
    end: (computeId, { madeAt: made, name, ...options } = {}) =>
      endObserved(
        Effect.gen(function*() {
          yield* decodeCall(options, "endCompute")
          const checked = yield* decodeId(computeId, "endCompute", id)
          const at = made ?? madeAt.get(checked)
          const hands = handsOf(options)
          const ended = Effect.gen(function*() {
            const wasThere = yield* Termination.end(hands, checked, at === undefined ? 0n : at + settleNanos)
            // nobody knows it, so it may be another one than was made
            if (!wasThere && name !== undefined) yield* Termination.endNamed(hands, name, Duration.zero)
          })
          yield* Effect.mapError(ended, wrap("endCompute"))
        }),
        idAttribute(computeId)
      )
  }

  /** Nobody is left to take the compute: it is ended, and what could not be verified can only be said. */
  const takeBack = (rent: PreparedSpawn, lease: Lease.Lease) =>
    Effect.catch(
      lease.release,
      (error) => Effect.logError(`${rent.name} could not be verified as ended: ${error.message}`)
    )

  return {
    ...sent,
    spawn: (input, options) =>
      Effect.suspend(() => {
        let leave: Effect.Effect<void> = Effect.void
        return spawnObserved(
          Effect.gen(function*() {
            const rent = yield* prepare(input, options)
            yield* Effect.annotateCurrentSpan(Attributes.computeName, rent.name)
            const lease = Lease.make(sent, rent, callOnly(options))
            leave = takeBack(rent, lease)
            return yield* lease.acquire
          })
        ).pipe(
          // outermost, so that an interrupt that comes while the span is closed still finds somebody to hand back
          Effect.onExit((exit) => leftItsCaller(exit) ? leave : Effect.void)
        )
      })
  }
}

const callOnly = (options: RentOptions | undefined): CallOptions | undefined => {
  if (options === undefined) return undefined
  const { stamp: _, ...call } = options
  return call
}
