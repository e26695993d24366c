import { Atlas, AtlasError, type Compute, type Providers } from "effect-atlas"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { describe, expect, it } from "tstyche"

declare const call: Effect.Effect<string, AtlasError.AtlasError>

describe("AtlasError", () => {
  it("has a closed set of reasons", () => {
    expect<AtlasError.AtlasErrorReason["_tag"]>().type.toBe<
      | "Unauthorized"
      | "Forbidden"
      | "NotFound"
      | "RateLimited"
      | "Timeout"
      | "Unsupported"
      | "Validation"
      | "ProviderFault"
      | "Transport"
      | "Unknown"
      | "NoCapacity"
      | "Uncertain"
      | "Ended"
      | "BudgetExceeded"
      | "NotTracked"
      | "StorageFault"
    >()
  })

  it("every reason has a message, a status and says whether it may be tried again", () => {
    expect<AtlasError.AtlasErrorReason["message"]>().type.toBe<string>()
    expect<AtlasError.AtlasErrorReason["isRetryable"]>().type.toBe<boolean>()
    expect<Exclude<AtlasError.AtlasErrorReason, AtlasError.Ended>["status"]>().type.toBe<number | null>()
    expect<AtlasError.AtlasError["status"]>().type.toBe<number | null>()
  })

  it("catching a reason narrows to it, each of them", () => {
    const handled = call.pipe(
      Effect.catchReason("AtlasError", "RateLimited", (reason) => {
        expect(reason.retryAfter).type.toBe<Duration.Duration | null>()
        return Effect.succeed("")
      }),
      Effect.catchReason("AtlasError", "Timeout", (reason) => {
        expect(reason.lastSeen).type.toBe<Compute.Compute | null>()
        return Effect.succeed("")
      }),
      Effect.catchReason("AtlasError", "Unsupported", (reason) => {
        expect(reason.capability).type.toBe<string>()
        return Effect.succeed("")
      }),
      Effect.catchReason("AtlasError", "Validation", (reason) => {
        expect(reason.issues).type.toBe<ReadonlyArray<{ readonly path: string; readonly message: string }>>()
        return Effect.succeed("")
      }),
      Effect.catchReason("AtlasError", "ProviderFault", (reason) => {
        expect(reason.code).type.toBe<string | null>()
        return Effect.succeed("")
      }),
      Effect.catchReason("AtlasError", "Transport", (reason) => {
        expect(reason.causeName).type.toBe<string | null>()
        return Effect.succeed("")
      }),
      Effect.catchReason("AtlasError", "NoCapacity", (reason) => {
        expect(reason.candidate).type.toBe<string | null>()
        return Effect.succeed("")
      }),
      Effect.catchReason("AtlasError", "Uncertain", (reason) => {
        expect(reason.computeName).type.toBe<string | null>()
        return Effect.succeed("")
      }),
      Effect.catchReason("AtlasError", "Ended", (reason) => {
        expect(reason.status).type.toBe<Compute.ComputeStatus>()
        expect(reason.exitCode).type.toBe<number | null>()
        return Effect.succeed("")
      })
    )
    expect(handled).type.toBe<Effect.Effect<string, AtlasError.AtlasError>>()
    for (
      const reason of [
        "Unauthorized",
        "Forbidden",
        "NotFound",
        "Unknown",
        "BudgetExceeded",
        "NotTracked",
        "StorageFault"
      ] as const
    ) {
      expect(call.pipe(Effect.catchReason("AtlasError", reason, () => Effect.succeed(1))))
        .type.toBe<Effect.Effect<string | number, AtlasError.AtlasError>>()
    }
  })

  it("a fallback takes the error out of the channel, a handler alone does not", () => {
    expect(call.pipe(Effect.catchReason("AtlasError", "NotFound", () => Effect.succeed(1))))
      .type.toBe<Effect.Effect<string | number, AtlasError.AtlasError>>()
    expect(call.pipe(Effect.catchReason("AtlasError", "NotFound", () => Effect.succeed(1), () => Effect.succeed(2))))
      .type.toBe<Effect.Effect<string | number>>()
  })

  it("a reason that does not exist does not compile", () => {
    expect(Effect.catchReason<"AtlasError", AtlasError.AtlasError, "NotFound", 1, never, never>)
      .type.not.toBeCallableWith("AtlasError", "Nope", () => Effect.succeed(1 as const))
  })

  it("a switch over reasons is exhaustive", () => {
    const label = (reason: AtlasError.AtlasErrorReason): string => {
      switch (reason._tag) {
        case "Unauthorized":
        case "Forbidden":
        case "NotFound":
        case "RateLimited":
        case "Timeout":
        case "Unsupported":
        case "Validation":
        case "ProviderFault":
        case "Transport":
        case "Unknown":
        case "NoCapacity":
        case "Uncertain":
        case "Ended":
        case "BudgetExceeded":
        case "NotTracked":
        case "StorageFault":
          return reason.message
        default:
          expect(reason).type.toBe<never>()
          return reason
      }
    }
    expect(label).type.toBe<(reason: AtlasError.AtlasErrorReason) => string>()
  })

  it("facts have defaults, what a reason cannot do without has none", () => {
    expect(AtlasError.NotFound).type.toBeConstructableWith({})
    expect(AtlasError.Unsupported).type.toBeConstructableWith({ capability: "power" })
    expect(AtlasError.Unsupported).type.not.toBeConstructableWith({})
    expect(AtlasError.Validation).type.not.toBeConstructableWith({ message: "wrong" })
  })
})

describe("Atlas", () => {
  it("every verb is one effect with one error, and needs only Providers", () => {
    expect(Atlas.getCompute("pod")).type.toBe<
      Effect.Effect<Compute.Compute, AtlasError.AtlasError, Providers.Providers>
    >()
    expect(Atlas.stop("pod")).type.toBe<Effect.Effect<void, AtlasError.AtlasError, Providers.Providers>>()
  })
})
