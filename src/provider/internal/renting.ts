/** The rent itself: checked and credentialed, sent once, resolved when its answer is lost, ended when its caller leaves. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as BearerToken from "../../auth/BearerToken.ts"
import * as SignedUrl from "../../auth/SignedUrl.ts"
import { type AtlasError, type AtlasErrorReason, Uncertain, Unknown } from "../../domain/AtlasError.ts"
import { AuthHandle, Compute } from "../../domain/Compute.ts"
import * as ComputeRequest from "../../domain/ComputeRequest.ts"
import { decoder } from "../../domain/Decode.ts"
import { ComputeId, type ProviderId } from "../../domain/Ids.ts"
import * as Attributes from "../../telemetry/Attributes.ts"
import type { ComputeAdapter, Rent } from "../Adapter.ts"
import { type CallOptions, decode as decodeCall } from "../Call.ts"
import * as ContainerEnv from "../ContainerEnv.ts"
import * as Handback from "../Handback.ts"
import * as Lease from "../Lease.ts"
import * as NameStamp from "../NameStamp.ts"
import type { ComputeFacet, RentOptions } from "../Provider.ts"
import { idAttribute, type Observer } from "./observe.ts"

const decodeId = decoder(ComputeId, "id")

interface Wiring {
  readonly id: ProviderId
  readonly compute: ComputeAdapter
  readonly settleWindow: Duration.Duration
  readonly observer: Observer
  readonly wrap: (operation: string) => (reason: AtlasErrorReason) => AtlasError
  readonly get: ComputeFacet["get"]
  readonly terminate: ComputeFacet["terminate"]
  readonly list: ComputeFacet["list"]
}

const mint = (scheme: ComputeRequest.ComputeRequest["auth"]) =>
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

const withAuth = (compute: Compute, auth: AuthHandle | null): Compute =>
  auth === null ? compute : new Compute({ ...compute, auth })

/** While handing back, a bug of the adapter is one more failed look: it must not stop the next one. */
const asReason = <A>(self: Effect.Effect<A, AtlasError>): Effect.Effect<A, AtlasErrorReason> =>
  Effect.catchDefect(
    Effect.mapError(self, (error) => error.reason),
    () => Effect.fail(new Unknown({ message: "the adapter broke" }))
  )

const leftItsCaller = (exit: Exit.Exit<unknown, unknown>): boolean =>
  Exit.isFailure(exit) && (Exit.hasInterrupts(exit) || Exit.hasDies(exit))

export const make = (
  { compute, get, id, list, observer, settleWindow, terminate, wrap }: Wiring
): Omit<ComputeFacet, "get" | "list" | "terminate"> => {
  /** The three calls that looking and ending need, as reasons. */
  const handsOf = (options: CallOptions | undefined): Handback.Hands => ({
    named: (name) => asReason(list({ name }, options)),
    get: (computeId) => asReason(get(computeId, options)),
    terminate: (computeId) => asReason(terminate(computeId, options))
  })

  const prepare: ComputeFacet["prepare"] = (input, options) =>
    Effect.gen(function*() {
      const { stamp: given, ...callOptions } = options ?? {}
      const call = yield* decodeCall(callOptions, "spawnCompute")
      const request = yield* ComputeRequest.decode(input, "spawnCompute")
      const checked = Effect.gen(function*() {
        if (compute.check !== undefined) yield* compute.check(request, call)
        const minted = yield* mint(request.auth)
        const env = yield* ContainerEnv.build({ env: request.env, auth: minted.env })
        return { auth: minted.auth, env }
      })
      const { auth, env } = yield* Effect.mapError(checked, wrap("spawnCompute"))
      const stamp = given ?? (yield* NameStamp.adhoc(request.name))
      return { request, stamp, name: NameStamp.render(stamp), env, auth }
    })

  /**
   * What a create failed with, as far as it can be believed: an answer that a server error or a time limit cut off may come
   * from an adapter under any name, and says nothing about whether there is a machine.
   */
  const asCreate = (reason: AtlasErrorReason): AtlasErrorReason => {
    const isOpen = reason._tag === "Timeout" || reason._tag === "Unknown"
      || (reason._tag === "ProviderFault" && reason.status !== null && reason.status >= 500)
    return isOpen ? new Uncertain({ message: reason.message, status: reason.status, raw: reason.raw }) : reason
  }

  const send = (rent: Rent, options: CallOptions | undefined) =>
    Effect.flatMap(decodeCall(options, "spawnCompute"), (call) =>
      Effect.mapBoth(compute.spawn(rent, call), {
        onSuccess: (made) => withAuth(made, rent.auth),
        onFailure: (reason) => wrap("spawnCompute")(asCreate(reason))
      }))

  const lookFor = (rent: Rent, options: CallOptions | undefined) =>
    Effect.gen(function*() {
      const hands = handsOf(options)
      const [found, ...twins] = yield* Handback.find(hands, rent.name, settleWindow)
      yield* Handback.endAll(hands, twins)
      return found === undefined ? null : withAuth(found, rent.auth)
    })

  const spawnObserved = observer.effect("spawnCompute")
  const settleNanos = Duration.toNanosUnsafe(settleWindow)
  const rentObserved = observer.effect("rentCompute")
  const resolveObserved = observer.effect("resolveCompute")
  const endObserved = observer.effect("endCompute")

  const sent: Omit<ComputeFacet, "get" | "list" | "terminate" | "spawn"> = {
    prepare,
    rent: (rent, options) => rentObserved(send(rent, options), { [Attributes.computeName]: rent.name }),
    resolve: (rent, options) =>
      resolveObserved(
        Effect.mapError(lookFor(rent, options), wrap("resolveCompute")),
        { [Attributes.computeName]: rent.name }
      ),
    abandon: (rent, options) =>
      endObserved(
        Effect.mapError(Handback.endNamed(handsOf(options), rent.name, settleWindow), wrap("endCompute")),
        { [Attributes.computeName]: rent.name }
      ),
    end: (computeId, { madeAt, ...options } = {}) =>
      endObserved(
        Effect.flatMap(decodeId(computeId, "endCompute", id), (checked) =>
          Effect.mapError(
            Handback.end(handsOf(options), checked, madeAt === undefined ? 0n : madeAt + settleNanos),
            wrap("endCompute")
          )),
        idAttribute(computeId)
      )
  }

  /** Nobody is left to take the compute: it is ended, and what could not be verified can only be said. */
  const takeBack = (rent: Rent, lease: Lease.Lease) =>
    Effect.catch(
      lease.handBack,
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
