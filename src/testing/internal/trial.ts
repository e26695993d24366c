/** What a provider's case works with: the provider, requests it accepts, and computes that are always ended. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { AtlasError, AtlasErrorReason } from "../../domain/AtlasError.ts"
import type { Compute } from "../../domain/Compute.ts"
import type { Input } from "../../domain/ComputeRequest.ts"
import * as TimeSpan from "../../domain/TimeSpan.ts"
import type { CallOptions } from "../../provider/Call.ts"
import type { Capability } from "../../provider/Capability.ts"
import * as Lease from "../../provider/Lease.ts"
import * as NameStamp from "../../provider/NameStamp.ts"
import type { Service } from "../../provider/Provider.ts"

/**
 * A promise that was not kept, in plain words.
 *
 * @category models
 * @since 0.1.0
 */
export class ConformanceFailure extends Schema.TaggedError<ConformanceFailure>(
  "effect-atlas/testing/ConformanceFailure"
)("ConformanceFailure", { message: Schema.String }) {}

export type Failed = ConformanceFailure | AtlasError

export const fail = (message: string) => Effect.fail(new ConformanceFailure({ message }))

export const check = (isKept: boolean, message: string): Effect.Effect<void, ConformanceFailure> =>
  isKept ? Effect.void : fail(message)

/** The reason of a call that has to fail in this way and no other. */
export const failsAs = <Tag extends AtlasErrorReason["_tag"], R>(
  tag: Tag,
  what: string,
  call: Effect.Effect<unknown, Failed, R>
): Effect.Effect<Extract<AtlasErrorReason, { readonly _tag: Tag }>, ConformanceFailure, R> =>
  Effect.matchEffect(call, {
    onSuccess: () => fail(`${what} succeeded, and should have failed as ${tag}`),
    onFailure: (error) =>
      error._tag === "ConformanceFailure"
        ? Effect.fail(error)
        : isTagged(error.reason, tag)
        ? Effect.succeed(error.reason)
        : fail(`${what} should have failed as ${tag}, and failed with: ${error.message}`)
  })

const isTagged = <Tag extends AtlasErrorReason["_tag"]>(
  reason: AtlasErrorReason,
  tag: Tag
): reason is Extract<AtlasErrorReason, { readonly _tag: Tag }> => reason._tag === tag

/** One promise; the suite makes a case of it. */
export interface Definition<R = never> {
  readonly name: string
  /** Only where the provider has this. */
  readonly needs?: Capability
  /** Only where the provider does not have this. */
  readonly lacks?: Capability
  /** Only where the options have this hook. */
  readonly orders?: "loseNextAnswer" | "failNextCreate"
  readonly run: (trial: Trial) => Effect.Effect<void, Failed, R>
}

const firstPause = Duration.millis(50)
const longestPause = Duration.seconds(2)

/** Looks until it is so, since a cloud takes its time; fails when it is not so in time. */
export const eventually = <A, E, R>(
  what: string,
  within: Duration.Duration,
  look: Effect.Effect<A, E, R>,
  isIt: (seen: A) => boolean
): Effect.Effect<A, E | ConformanceFailure, R> =>
  Effect.gen(function*() {
    const start = yield* Clock.monotonicTimeNanos
    let pause = firstPause
    while (true) {
      const seen = yield* look
      if (isIt(seen)) return seen
      const waited = Duration.nanos((yield* Clock.monotonicTimeNanos) - start)
      if (Duration.isGreaterThanOrEqualTo(waited, within)) {
        return yield* fail(`${what}: not within ${TimeSpan.format(within)}`)
      }
      yield* Effect.sleep(pause)
      pause = Duration.min(Duration.times(pause, 2), longestPause)
    }
  })

export interface Trial {
  readonly provider: Service
  readonly call: CallOptions | undefined
  /** An id the provider has never given. */
  readonly unknownId: string
  /** How long a cloud may take to show or to finish what it has accepted. */
  readonly patience: Duration.Duration
  /** What this provider needs in every request, with what a case wants on top. */
  readonly request: (wanted: Input) => Input
  /** A name that no other compute has. */
  readonly freshName: Effect.Effect<string>
  /** Rents a compute, uses it, and ends it, verified, however the use went. */
  readonly rented: <E, R>(
    wanted: Input,
    use: (compute: Compute, name: string) => Effect.Effect<void, E | Failed, R>
  ) => Effect.Effect<void, E | Failed, R>
  /** Whether it is gone: not known any more, or terminated. */
  readonly isGone: (id: string) => Effect.Effect<boolean, AtlasError>
}

export interface TrialOptions {
  readonly provider: Service
  readonly call: CallOptions | undefined
  readonly unknownId: string
  readonly patience: Duration.Duration
  readonly request: Input
  /** Fails when this compute may cost too much; told what it has cost in the end. */
  readonly afford: (compute: Compute) => Effect.Effect<(hours: number) => void, ConformanceFailure>
}

export const makeTrial = ({ afford, call, patience, provider, request, unknownId }: TrialOptions): Trial => {
  const asked = (wanted: Input): Input => ({ ...request, ...wanted, env: { ...request.env, ...wanted.env } })
  const { compute } = provider
  return {
    provider,
    call,
    unknownId,
    patience,
    request: asked,
    freshName: Effect.map(NameStamp.attempt, (attempt) => `check-${attempt}`),
    rented: (wanted, use) =>
      Effect.flatMap(compute.prepare(asked(wanted), call), (prepared) => {
        const { acquire, release } = Lease.make(compute, prepared, call)
        const body = Effect.gen(function*() {
          const made = yield* acquire
          const paid = yield* afford(made)
          const start = yield* Clock.currentTimeMillis
          yield* Effect.onExit(
            use(made, prepared.name),
            () => Effect.map(Clock.currentTimeMillis, (end) => paid((end - start) / 3_600_000))
          )
        })
        return Effect.onExit(body, () => release)
      }),
    isGone: (id) =>
      Effect.matchEffect(compute.get(id, call), {
        onSuccess: (seen) => Effect.succeed(seen.status === "terminated"),
        onFailure: (error) => error.reason._tag === "NotFound" ? Effect.succeed(true) : Effect.fail(error)
      })
  }
}
