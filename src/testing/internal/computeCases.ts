/** Promises about creating, reading and ending computes, which every provider makes. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as BearerToken from "../../auth/BearerToken.ts"
import type { Compute } from "../../domain/Compute.ts"
import type { Input } from "../../domain/ComputeRequest.ts"
import type { ComputeFilter } from "../../provider/Adapter.ts"
import { Capability } from "../../provider/Capability.ts"
import * as NameStamp from "../../provider/NameStamp.ts"
import { check, type Definition, eventually, fail, failsAs, type Trial } from "./trial.ts"

const listed = ({ call, provider }: Trial, filter: ComputeFilter) => provider.compute.list(filter, call)

const has = (compute: Compute) => (all: ReadonlyArray<Compute>) => all.some((one) => one.id === compute.id)

/** Asks for something that must be refused, and sees that nothing came of it. */
const refused = (trial: Trial, what: string, wanted: Input, path: string) =>
  Effect.gen(function*() {
    const name = yield* trial.freshName
    const attempt = trial.rented({ ...wanted, name }, () => fail(`${what} was rented`))
    const { issues } = yield* failsAs("Validation", what, attempt)
    const paths = issues.map((issue) => issue.path)
    yield* check(paths.includes(path), `refusing ${what} names ${paths.join(", ")}, and not ${path}`)
    const all = yield* listed(trial, { name })
    yield* check(all.length === 0, `${what} was refused, and rented all the same`)
  })

const known: Definition = {
  name: "its capabilities are a list of known names, each once",
  run: ({ provider }) =>
    Effect.gen(function*() {
      const unknown = provider.capabilities.filter((one) => !Capability.literals.includes(one))
      yield* check(unknown.length === 0, `these capabilities do not exist: ${unknown.join(", ")}`)
      yield* check(new Set(provider.capabilities).size === provider.capabilities.length, "a capability is listed twice")
    })
}

const roundTrip: Definition = {
  name: "a compute can be rented, looked at and ended",
  run: (trial) =>
    trial.rented({}, (made) =>
      Effect.gen(function*() {
        const { call, isGone, patience, provider } = trial
        yield* check(made.provider === provider.id, `it names the provider ${made.provider}`)
        yield* check(made.isLive, `it is ${made.status} right after the create`)
        const seen = yield* eventually(
          "a new compute can be looked at",
          patience,
          Effect.option(provider.compute.get(made.id, call)),
          Option.isSome
        )
        yield* check(Option.exists(seen, (compute) => compute.id === made.id), "looking at it answers another id")
        yield* check(Option.exists(seen, (compute) => compute.isLive), "it was over before it was ended")
        yield* provider.compute.terminate(made.id, call)
        yield* eventually("an ended compute is gone", patience, isGone(made.id), (gone) => gone)
      }))
}

const named: Definition = {
  name: "its name is stamped, and the name filter finds it by the stamped name and by the name asked for",
  run: (trial) =>
    Effect.flatMap(trial.freshName, (name) =>
      trial.rented({ name }, (made, stamped) =>
        Effect.gen(function*() {
          yield* check(made.name === stamped, `it was rented as ${stamped} and is called ${made.name}`)
          yield* check(NameStamp.parse(stamped) !== null, `${stamped} is no stamped name`)
          for (const wanted of [stamped, name]) {
            const all = yield* eventually(
              `the name filter finds ${wanted}`,
              trial.patience,
              listed(trial, { name: wanted }),
              has(made)
            )
            yield* check(all.length === 1, `the name filter finds ${all.length} computes for ${wanted}`)
          }
          const [other] = yield* listed(trial, { name: yield* trial.freshName })
          yield* check(other === undefined, "an unknown name finds a compute")
        })))
}

const bearer: Definition = {
  name: "bearer auth answers a token of 32 characters or more, its header, and a hash that verifies it",
  run: (trial) =>
    trial.rented({ auth: "bearer" }, ({ auth }) =>
      Effect.gen(function*() {
        if (auth?._tag !== "Bearer") return yield* fail("the answer has no token")
        const token = Redacted.value(auth.token)
        yield* check(token.length >= 32, "the token is shorter than 32 characters")
        yield* check(Redacted.value(auth.header) === `Bearer ${token}`, "the header is not Bearer and the token")
        yield* check(yield* BearerToken.verify(auth.token, auth.hash), "the hash is not the token's")
      }))
}

const signedUrl: Definition = {
  name: "signed_url auth answers a secret to sign with",
  run: (trial) =>
    trial.rented({ auth: "signed_url" }, ({ auth }) =>
      auth?._tag === "SignedUrl"
        ? check(Redacted.value(auth.secret).length >= 32, "the secret is shorter than 32 characters")
        : fail("the answer has no secret"))
}

const noAuth: Definition = {
  name: "only the answer to a create carries the credential: get and list do not",
  run: (trial) =>
    trial.rented({ auth: "bearer" }, (made) =>
      Effect.gen(function*() {
        const all = yield* eventually("the list has it", trial.patience, listed(trial, {}), has(made))
        const seen = yield* trial.provider.compute.get(made.id, trial.call)
        yield* check([seen, ...all].every((compute) => compute.auth === null), "get or list carries a credential")
      }))
}

const otherStatus = (compute: Compute) => compute.status === "failed" ? "running" : "failed"

const filters: Definition = {
  name: "the list honours the filters for status, region and gpu",
  run: (trial) =>
    trial.rented({}, (made) =>
      Effect.gen(function*() {
        yield* eventually("the list has it", trial.patience, listed(trial, {}), has(made))
        const now = yield* trial.provider.compute.get(made.id, trial.call)
        const inList: ReadonlyArray<readonly [string, ComputeFilter, boolean]> = [
          ["its own region", { region: now.region ?? "" }, now.region !== null],
          ["its own GPU", { gpu: now.gpuType ?? "" }, now.gpuType !== null]
        ]
        for (const [what, filter] of inList.filter(([, , isKnown]) => isKnown)) {
          yield* check(has(made)(yield* listed(trial, filter)), `the filter for ${what} leaves it out`)
        }
        const outside: ReadonlyArray<readonly [string, ComputeFilter]> = [
          ["another status", { status: otherStatus(now) }],
          ["another region", { region: "nowhere-at-all" }],
          ["another GPU", { gpu: "no-such-gpu" }],
          ["its own GPU elsewhere", { gpu: now.gpuType ?? "no-such-gpu", region: "nowhere-at-all" }]
        ]
        for (const [what, filter] of outside) {
          yield* check(!has(made)(yield* listed(trial, filter)), `the filter for ${what} lets it through`)
        }
        // it may have changed its status between two looks
        yield* eventually(
          "the filter for its own status finds it",
          trial.patience,
          Effect.flatMap(
            trial.provider.compute.get(made.id, trial.call),
            ({ status }) => Effect.map(listed(trial, { status }), has(made))
          ),
          (found) => found
        )
      }))
}

const unknownIds: Definition = {
  name: "an unknown id is not found, by get and by terminate",
  run: ({ call, provider, unknownId }) =>
    Effect.gen(function*() {
      yield* failsAs("NotFound", `getting ${unknownId}`, provider.compute.get(unknownId, call))
      yield* failsAs("NotFound", `terminating ${unknownId}`, provider.compute.terminate(unknownId, call))
    })
}

const malformedIds: Definition = {
  name: "a malformed id is refused as such",
  run: ({ call, provider }) =>
    Effect.forEach(["", "a/b", "..", "../x", "a b", "x".repeat(129)], (id) =>
      Effect.andThen(
        failsAs("Validation", `getting ${JSON.stringify(id)}`, provider.compute.get(id, call)),
        failsAs("Validation", `terminating ${JSON.stringify(id)}`, provider.compute.terminate(id, call))
      ), { discard: true })
}

const unknownGpu: Definition = {
  name: "an unknown GPU is refused, and nothing is rented",
  run: (trial) => refused(trial, "an unknown GPU", { gpu: "no-such-gpu" }, "gpu")
}

const reservedEnv: Definition = {
  name: "an environment name that the library sets is refused, and nothing is rented",
  run: (trial) => refused(trial, "a reserved name", { env: { ATLAS_PRESHARED_KEY: "mine" } }, "env.ATLAS_PRESHARED_KEY")
}

const nothingLeft: Definition = {
  name: "nothing is left after terminate: not found or terminated, in no list as live",
  run: (trial) =>
    trial.rented({}, (made, name) =>
      Effect.gen(function*() {
        yield* trial.provider.compute.terminate(made.id, trial.call)
        yield* eventually("a terminated compute is gone", trial.patience, trial.isGone(made.id), (gone) => gone)
        yield* eventually(
          "the list does not show it as live",
          trial.patience,
          listed(trial, { name }),
          (all) => all.every((compute) => compute.status === "terminated")
        )
      }))
}

export const computeCases: ReadonlyArray<Definition> = [
  known,
  roundTrip,
  named,
  bearer,
  signedUrl,
  noAuth,
  filters,
  unknownIds,
  malformedIds,
  unknownGpu,
  reservedEnv,
  nothingLeft
]
