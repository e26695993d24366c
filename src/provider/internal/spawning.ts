/** Spawning: check and mint a credential, send the create once, resolve a lost answer, end the compute when its caller leaves. */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
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
import { Compute } from "../../domain/Compute.ts"
import * as ComputeRequest from "../../domain/ComputeRequest.ts"
import * as Credential from "../../domain/Credential.ts"
import { decoder } from "../../domain/Decode.ts"
import * as ForeignText from "../../domain/ForeignText.ts"
import { ComputeId, type ProviderId } from "../../domain/Ids.ts"
import { asUnrepeatable } from "../../domain/Refusal.ts"
import * as Attributes from "../../telemetry/Attributes.ts"
import * as Expected from "../../telemetry/Expected.ts"
import type { PreparedCreate, PreparedSpawn, SpawnDraft } from "../Adapter.ts"
import { type CallOptions, decode as decodeCall } from "../Call.ts"
import type { Capability } from "../Capability.ts"
import * as ContainerEnv from "../ContainerEnv.ts"
import type { ComputeFacet, EndOptions, RentOptions } from "../Facets.ts"
import * as Lease from "../Lease.ts"
import * as Listing from "../Listing.ts"
import * as NameStamp from "../NameStamp.ts"
import * as ReleaseClock from "../ReleaseClock.ts"
import * as StillWanted from "../StillWanted.ts"
import * as Termination from "../Termination.ts"
import * as LatestCreates from "./latestCreates.ts"
import { idAttribute, type Observer } from "./observe.ts"

interface Wiring<Prepared> {
  readonly id: ProviderId
  readonly capabilities: ReadonlyArray<Capability>
  readonly create: PreparedCreate<Prepared>
  readonly settleWindow: Duration.Duration
  readonly observer: Observer
  readonly wrap: (operation: string) => (reason: AtlasErrorReason) => AtlasError
  readonly get: ComputeFacet["get"]
  readonly terminate: ComputeFacet["terminate"]
  readonly listAll: ComputeFacet["listAll"]
}

/** The credential as the container gets it (`env`) and as the caller gets it (`auth`). */
interface Minted {
  readonly auth: Credential.Credential | null
  readonly env: ContainerEnv.Variables
}

const unguarded: Effect.Effect<Minted> = Effect.succeed({ auth: null, env: {} })

const mint = (scheme: ComputeRequest.ComputeRequest["auth"]): Effect.Effect<Minted> => {
  switch (scheme) {
    case "none":
      return unguarded
    case "bearer":
      return Effect.map(
        BearerToken.mint,
        ({ env, hash, header, token }) => ({ auth: new Credential.Bearer({ token, header, hash }), env })
      )
    case "signed_url":
      return Effect.map(
        SignedUrl.mintSecret,
        ({ env, secret }) => ({ auth: new Credential.SignedUrl({ secret }), env })
      )
  }
}

/** Stands in for a credential where a request is only checked: as long as a real one, and worth nothing. */
const sample = Redacted.make("x".repeat(43))

const sampleOf = (scheme: ComputeRequest.ComputeRequest["auth"]): Effect.Effect<Minted> => {
  switch (scheme) {
    case "none":
      return unguarded
    case "bearer":
      return Effect.succeed({ auth: null, env: { ATLAS_PRESHARED_KEY: sample } })
    case "signed_url":
      return Effect.succeed({ auth: null, env: { ATLAS_SIGNING_SECRET: sample } })
  }
}

const isComputeId = Schema.is(ComputeId)

const decodeId = decoder(ComputeId, "id")

/** The name a compute was rented under without an orchestrator; undefined otherwise, since an orchestrator sees to its own. */
const adhocName = (compute: NameStamp.Named | null | undefined): string | undefined => {
  const stamp = compute === null || compute === undefined ? null : NameStamp.of(compute)
  return stamp !== null && NameStamp.isAdhoc(stamp) ? NameStamp.render(stamp) : undefined
}

/** The clocks of a provider and of this machine may be this far apart. */
const skew = Duration.toMillis(Duration.minutes(5))

const isAsPrepared = (spawn: PreparedSpawn, made: Compute): boolean => made.name === spawn.name && isComputeId(made.id)

/** Of a name that is not the one asked for, as much as tells it apart. */
const longestName = 100

const bare = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, "")

/** Whether the name holds this spawn's attempt, which no other name does, however the provider wrote it. */
const bearsAttempt = ({ stamp }: PreparedSpawn, { name }: Compute): boolean =>
  name !== null && bare(name).includes(stamp.attempt)

/** Whether this is certainly another spawn's compute, or one that existed before the create was sent. */
const isForeign = ({ createdAt, name }: Compute, sentAt: number): boolean =>
  NameStamp.parse(name ?? "") !== null ||
  (createdAt !== null && DateTime.toEpochMillis(createdAt) < sentAt - skew)

/**
 * The failure for a create that was answered with another compute than the one asked for: it counts as no answer, and the
 * compute is looked for by its name. The error names the answered compute unless that is certainly foreign, and holds it as
 * `lastSeen` only where this create certainly made it, since the caller may end a `lastSeen`.
 */
const misnamed = (spawn: PreparedSpawn, made: Compute, sentAt: number): Uncertain => {
  const known = { computeName: spawn.name, message: "the create was answered with another compute" }
  if (!isComputeId(made.id) || made.name === spawn.name) return new Uncertain(known)
  // the provider's words: they can repeat the environment, and the credential in it
  const secrets = Object.values(spawn.env).map(Redacted.value)
  const name = made.name === null ? null : ForeignText.line(made.name, { max: longestName, secrets })
  const message = `the create was answered with ${made.id}, which is called ${name ?? "nothing"} and not ${spawn.name}`
  const named = { ...known, computeId: made.id, message }
  if (bearsAttempt(spawn, made)) return new Uncertain({ ...named, lastSeen: new Compute({ ...made, name }) })
  return new Uncertain(isForeign(made, sentAt) ? known : named)
}

const withAuth = (compute: Compute, auth: Credential.Credential | null): Compute =>
  auth === null ? compute : new Compute({ ...compute, auth })

const callOnly = (options: RentOptions | undefined): CallOptions | undefined => {
  if (options === undefined) return undefined
  const { stamp: _, ...call } = options
  return call
}

/** While a compute is looked for or ended, a defect of the adapter counts as one failed attempt, so that the next is made. */
const asReason = <A>(self: Effect.Effect<A, AtlasError>): Effect.Effect<A, AtlasErrorReason> =>
  Effect.catchCause(self, (cause) =>
    Effect.fail(
      Option.match(Cause.findErrorOption(cause), {
        onSome: (error) => error.reason,
        onNone: () => new Unknown({ message: "the adapter failed unexpectedly (a defect)" })
      })
    ))

/** Whether the caller will not get the compute, and no error tells it so either. */
const isAbandoned = (exit: Exit.Exit<unknown, unknown>): boolean =>
  Exit.isFailure(exit) && (Exit.hasInterrupts(exit) || Exit.hasDies(exit))

export const make = <Prepared>(
  { capabilities, create, get, id, listAll, observer, settleWindow, terminate, wrap }: Wiring<Prepared>
): Omit<ComputeFacet, "get" | "list" | "listAll" | "terminate"> => {
  const settleNanos = Duration.toNanosUnsafe(settleWindow)

  /** The calls that looking and ending need, bound to these options; they fail with bare reasons. */
  const callsOf = (options: CallOptions | undefined): Termination.ComputeCalls => ({
    named: (name) => Effect.flatMap(asReason(listAll({ name }, options)), (listing) => Listing.named(listing, name)),
    get: (computeId) => asReason(Expected.notFound(get(computeId, options))),
    terminate: (computeId) => asReason(Expected.notFound(terminate(computeId, options)))
  })

  const lacking = (capability: Capability, field: string) =>
    capabilities.includes(capability)
      ? Effect.void
      : Effect.fail(new Unsupported({ capability, message: `${id} has no ${capability}: leave \`${field}\` out` }))

  /** Refuses what changes cost or safety and the provider lacks, even where its adapter would ignore the field. */
  const checkWanted = ({ networkVolumeId, spot }: ComputeRequest.ComputeRequest) =>
    Effect.andThen(
      spot ? lacking("spot", "spot") : Effect.void,
      networkVolumeId === null ? Effect.void : lacking("network_volumes", "networkVolumeId")
    )

  /** The handle in `PreparedSpawn`. What is to be sent can hold secrets, so only the provider that made the handle reads it. */
  class Handle {
    readonly #wire: Prepared

    constructor(wire: Prepared) {
      this.#wire = wire
    }

    static wireOf(handle: object): { readonly value: Prepared } | null {
      return #wire in handle ? { value: handle.#wire } : null
    }
  }

  const build = (
    input: ComputeRequest.Input | ComputeRequest.ComputeRequest,
    options: RentOptions | undefined,
    credential: (scheme: ComputeRequest.ComputeRequest["auth"]) => Effect.Effect<Minted>
  ) =>
    Effect.gen(function*() {
      const call = yield* decodeCall(callOnly(options), "spawnCompute")
      const request = yield* ComputeRequest.decode(input, "spawnCompute")
      const stamp = options?.stamp ?? (yield* NameStamp.adhoc(request.name))
      const name = NameStamp.render(stamp)
      if (NameStamp.parse(name) === null) {
        return yield* invalid("spawnCompute", [{ path: "stamp", message: "Expected a stamp made by NameStamp" }], id)
      }
      const checked = Effect.gen(function*() {
        const { auth, env: own } = yield* credential(request.auth)
        const env = yield* ContainerEnv.build({ env: request.env, auth: own })
        const draft: SpawnDraft = { request, stamp, name, env, auth }
        // the adapter's refusal comes first: it explains better
        const wire = yield* create.prepare(draft, call)
        yield* checkWanted(request)
        return { draft, wire }
      })
      return yield* Effect.mapError(checked, wrap("spawnCompute"))
    })

  const check: ComputeFacet["check"] = (input, options) => Effect.asVoid(build(input, options, sampleOf))

  const prepare: ComputeFacet["prepare"] = (input, options) =>
    Effect.map(
      build(input, options, mint),
      ({ draft, wire }) => ({ ...draft, prepared: Object.freeze(new Handle(wire)) })
    )

  const latest = LatestCreates.make(2n * settleNanos)
  const remember = (computeId: string, name: string) =>
    Effect.map(Clock.monotonicTimeNanos, (now) => latest.remember(computeId, name, now))

  const send = (spawn: PreparedSpawn, options: CallOptions | undefined) =>
    Effect.gen(function*() {
      const call = yield* decodeCall(options, "spawnCompute")
      const wire = Handle.wireOf(spawn.prepared)
      if (wire === null) {
        return yield* invalid("spawnCompute", [{ path: "spawn", message: `Expected a spawn that ${id} prepared` }], id)
      }
      yield* Effect.mapError(StillWanted.check, wrap("spawnCompute"))
      const sentAt = yield* Clock.currentTimeMillis
      return yield* create.send({ ...spawn, prepared: wire.value }, call).pipe(
        Effect.mapError(asUnrepeatable),
        Effect.filterOrFail((made) => isAsPrepared(spawn, made), (made) => misnamed(spawn, made, sentAt)),
        Effect.tap((made) => remember(made.id, spawn.name)),
        Effect.mapBoth({ onSuccess: (made) => withAuth(made, spawn.auth), onFailure: wrap("spawnCompute") })
      )
    })

  const lookFor = (spawn: PreparedSpawn, options: CallOptions | undefined) =>
    Effect.gen(function*() {
      const calls = callsOf(options)
      const settledAt = (yield* Clock.monotonicTimeNanos) + 2n * settleNanos
      const [found] = yield* Termination.find(calls, spawn.name, settleWindow)
      if (found === undefined) return null
      yield* remember(found.id, spawn.name)
      yield* Effect.mapError(
        Termination.endNamed(calls, spawn.name, { settledAt, keep: found.id }),
        ({ message }) => new Uncertain({ computeName: spawn.name, computeId: found.id, message })
      )
      return withAuth(found, spawn.auth)
    })

  /** Ends what a create made whose caller has left without an answer, as late as it may appear. */
  const endLost = (name: string, options: CallOptions | undefined) =>
    Effect.flatMap(Clock.monotonicTimeNanos, (now) =>
      Termination.endNamed(callsOf(options), name, {
        settledAt: now + 2n * settleNanos,
        every: Math.max(Duration.toMillis(settleWindow) / 4, 10),
        isLost: true
      }))

  /**
   * Runs the end of a compute while the compute is looked at; answers how it was seen, null where that came too late. An end
   * waits for no look, and afterwards its name could not be told any more.
   */
  const seenWhile = (
    calls: Termination.ComputeCalls,
    computeId: ComputeId,
    ending: Effect.Effect<void, AtlasErrorReason>
  ) =>
    Effect.gen(function*() {
      const looking = yield* Effect.forkChild(calls.get(computeId), { startImmediately: true })
      const ended = yield* Effect.exit(ending)
      const seen = looking.pollUnsafe()
      yield* Fiber.interrupt(looking)
      return { ended, seen: seen !== undefined && Exit.isSuccess(seen) ? seen.value : null }
    })

  /** When the windows of a compute that another process rented are over, as far as its provider says when that was. */
  const settledBy = ({ createdAt }: Compute) =>
    Effect.gen(function*() {
      if (createdAt === null) return 0n
      const age = (yield* Clock.currentTimeMillis) - DateTime.toEpochMillis(createdAt)
      const windows = 2 * Duration.toMillis(settleWindow)
      const left = Math.min(Math.max(windows - age, 0), windows)
      return (yield* Clock.monotonicTimeNanos) + BigInt(Math.ceil(left)) * 1_000_000n
    })

  /** Ends a compute, then whatever else bears its name: a look that fails keeps no machine. */
  const endWhole = (computeId: ComputeId, { madeAt, mustExist = false, name, ...options }: EndOptions) =>
    Effect.gen(function*() {
      const calls = callsOf(options)
      const made = latest.get(computeId)
      const at = madeAt ?? made?.at
      const after = (windows: bigint) => at === undefined ? 0n : at + windows * settleNanos
      // a delete that got no answer may have been carried out
      const asked = Effect.catchIf(
        Expected.notFound(terminate(computeId, options)),
        (error) => error.isRetryable,
        () => Effect.void
      )
      const verified = Termination.end(calls, computeId, after(1n))
      const ending = mustExist ? Effect.andThen(Effect.mapError(asked, ({ reason }) => reason), verified) : verified
      const known = name === undefined ? adhocName(made) : name
      const { ended, seen } = known === undefined
        ? yield* seenWhile(calls, computeId, ending)
        : { ended: yield* Effect.exit(ending), seen: null }
      const borne = known ?? adhocName(seen) ?? null
      if (borne === null) return yield* ended
      const settledAt = seen === null ? after(2n) : yield* settledBy(seen)
      // one that could not be ended is in the answer already; one that is gone and still listed is not gone
      const keep = Exit.isFailure(ended) ? computeId : undefined
      return yield* Exit.asVoidAll([ended, yield* Effect.exit(Termination.endNamed(calls, borne, { settledAt, keep }))])
    })

  const spawnObserved = observer.effect("spawnCompute")
  const rentObserved = observer.effect("rentCompute")
  const resolveObserved = observer.effect("resolveCompute")
  const endObserved = observer.effect("endCompute")

  const steps: Omit<ComputeFacet, "get" | "list" | "listAll" | "terminate" | "spawn"> = {
    check,
    prepare,
    rent: (spawn, options) => rentObserved(send(spawn, options), { [Attributes.computeName]: spawn.name }),
    resolve: (spawn, options) =>
      resolveObserved(
        ReleaseClock.during(Effect.mapError(lookFor(spawn, options), wrap("resolveCompute"))),
        { [Attributes.computeName]: spawn.name }
      ),
    abandon: (spawn, options) =>
      endObserved(
        ReleaseClock.during(Effect.mapError(endLost(spawn.name, options), wrap("endCompute"))),
        { [Attributes.computeName]: spawn.name }
      ),
    end: (computeId, options = {}) =>
      endObserved(
        Effect.gen(function*() {
          const { madeAt: _at, mustExist: _must, name: _name, ...call } = options
          yield* decodeCall(call, "endCompute")
          const checked = yield* decodeId(computeId, "endCompute", id)
          yield* ReleaseClock.during(Effect.mapError(endWhole(checked, options), wrap("endCompute")))
        }),
        idAttribute(computeId)
      )
  }

  /** Ends what an abandoned spawn made; a failure can only be logged, since the caller is gone. */
  const releaseOrLog = (spawn: PreparedSpawn, lease: Lease.Lease) =>
    Effect.catch(
      lease.release,
      (error) => Effect.logError(`${spawn.name} could not be verified as ended: ${error.message}`)
    )

  return {
    ...steps,
    spawn: (input, options) =>
      Effect.suspend(() => {
        let cleanUp: Effect.Effect<void> = Effect.void
        return spawnObserved(
          Effect.gen(function*() {
            const spawn = yield* prepare(input, options)
            yield* Effect.annotateCurrentSpan(Attributes.computeName, spawn.name)
            const lease = Lease.make(steps, spawn, callOnly(options))
            cleanUp = releaseOrLog(spawn, lease)
            return yield* lease.acquire
          })
        ).pipe(
          // outermost, so that an interrupt that comes while the span is closed still ends the compute
          Effect.onExit((exit) => isAbandoned(exit) ? cleanUp : Effect.void)
        )
      })
  }
}
