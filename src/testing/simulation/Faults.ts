/**
 * Faults that a simulation can plant around the orchestrator: its store or its providers, made to lie in one way.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Credential from "../../domain/Credential.ts"
import type { SessionStore } from "../../orchestrator/SessionStore.ts"
import type { PreparedSpawn } from "../../provider/Adapter.ts"
import type { Made } from "../../provider/Provider.ts"

/** Changes the store or the provider that a process is given. */
interface Wrappers {
  readonly store?: (store: SessionStore["Service"]) => SessionStore["Service"]
  readonly provider?: (made: Made) => Made
}

const withCompute = (change: (compute: Made["compute"]) => Partial<Made["compute"]>) => (made: Made): Made => ({
  ...made,
  compute: { ...made.compute, ...change(made.compute) }
})

const plain = (env: PreparedSpawn["env"]) =>
  Object.fromEntries(Object.entries(env).map(([name, value]) => [name, Redacted.value(value)]))

/** A credential whose secret is its own hash. */
const hashless = (secret: string) =>
  new Credential.Bearer({
    token: Redacted.make(secret),
    header: Redacted.make(`Bearer ${secret}`),
    hash: secret
  })

const wrappers = {
  // a process whose row another one has written goes on as if it had written it itself
  "ignore-cas": {
    store: (store) => ({ ...store, commit: (owner, writes) => Effect.as(store.commit(owner, writes), []) })
  },
  // a listing that failed counts as one that found nothing
  "trust-incomplete-listing": {
    provider: withCompute(({ listAll }) => ({
      listAll: (filter, options) =>
        Effect.orElseSucceed(listAll(filter, options), () => ({ computes: [], unaddressable: [] }))
    }))
  },
  // the secret itself stands where its hash belongs, and so goes into the row
  "keep-token": {
    provider: withCompute(({ prepare }) => ({
      prepare: (request, options) =>
        Effect.map(
          prepare(request, options),
          (ready) => ready.auth === null ? ready : { ...ready, auth: hashless(Credential.reveal(ready.auth).token) }
        )
    }))
  },
  // the environment of a machine is written onto the span of its create
  "trace-environment": {
    provider: withCompute(({ rent }) => ({
      rent: (ready, options) => Effect.andThen(Effect.annotateCurrentSpan(plain(ready.env)), rent(ready, options))
    }))
  }
} as const satisfies Readonly<Record<string, Wrappers>>

/**
 * A fault that can be planted, by name.
 *
 * @category models
 * @since 0.1.0
 */
export type Fault = keyof typeof wrappers

/**
 * Whether this is the name of a fault that can be planted.
 *
 * @category guards
 * @since 0.1.0
 */
export const isFault = (name: string): name is Fault => Object.hasOwn(wrappers, name)

/**
 * Every fault that can be planted.
 *
 * @category models
 * @since 0.1.0
 */
export const faults: ReadonlyArray<Fault> = Object.keys(wrappers).filter(isFault)

/**
 * A store as a process with this fault sees it.
 *
 * @category running
 * @since 0.1.0
 */
export const storeWith = (fault: Fault | null, store: SessionStore["Service"]): SessionStore["Service"] => {
  const { store: wrap }: Wrappers = fault === null ? {} : wrappers[fault]
  return wrap === undefined ? store : wrap(store)
}

/**
 * A provider as a process with this fault sees it.
 *
 * @category running
 * @since 0.1.0
 */
export const providerWith = (fault: Fault | null, made: Made): Made => {
  const { provider: wrap }: Wrappers = fault === null ? {} : wrappers[fault]
  return wrap === undefined ? made : wrap(made)
}
