/**
 * What `atlas reap` does: proves within one run that computes are nobody's, and ends them.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Reaper from "../../orchestrator/Reaper.ts"
import type { SessionState } from "../../orchestrator/session/State.ts"
import * as SessionEngine from "../../orchestrator/SessionEngine.ts"
import { SessionStore } from "../../orchestrator/SessionStore.ts"
import type { Owner } from "../../provider/NameStamp.ts"
import type { Service } from "../../provider/Provider.ts"
import { Providers } from "../../provider/Providers.ts"
import * as Leftovers from "../Leftovers.ts"
import { progress } from "../Progress.ts"
import { Records } from "../Records.ts"
import { Shell } from "../Shell.ts"
import * as Supervised from "../Supervised.ts"
import * as Table from "../Table.ts"
import type { Wish } from "../Wish.ts"

interface Input {
  readonly dryRun: boolean
  readonly grace: Option.Option<Duration.Duration>
  readonly call: Wish["call"]
}

const defaultGrace = Duration.minutes(1)
/** All that is to end has had its time before the engine closes. */
const closeWithin = "1 second"
/** A listing that begins this long after the grace is surely past it. */
const margin = Duration.millis(100)

/** Looks twice, the grace apart, unless the first look leaves nothing to prove. */
const prove = Effect.fnUntraced(function*(
  { dryRun, grace, providers, reaper }: {
    readonly reaper: Reaper.Reaper
    readonly providers: ReadonlyArray<Service>
    readonly grace: Duration.Duration
    readonly dryRun: boolean
  }
) {
  yield* progress(`listing ${providers.map(({ id }) => id).join(", ")}`)
  const first = yield* reaper.cycle(providers, { dryRun })
  const suspects = first.left.filter(({ why }) => why === "young" || why === "seen_once")
  if (suspects.length === 0) return first
  yield* progress(
    `${suspects.length} that no session has; looking again in ${Duration.format(grace)}: ${
      suspects.map(({ computeId }) => computeId).join(", ")
    }`
  )
  yield* Effect.sleep(Duration.sum(grace, margin))
  return yield* reaper.cycle(providers, { dryRun })
})

/** Knows the sessions on record and does nothing about them. */
type Onlooker = Reaper.Options["engine"] & { readonly sessions: ReadonlyArray<SessionState> }

/** What a reaper asks an engine, of one that has no seat, so that it can stand beside a working one. */
const onlooker = (owner: Owner, store: SessionStore["Service"]) =>
  Effect.map(store.load(owner), ({ sessions, unreadable }): Onlooker => ({
    sessions,
    owner,
    unreadable: () => unreadable,
    byAttempt: (attempt) => {
      const state = sessions.find(({ attempts }) => attempts.some(({ id }) => id === attempt))
      return state === undefined ? undefined : { state, compute: null }
    },
    byCompute: (computeId) => {
      const state = sessions.find(({ phase }) => phase._tag === "Live" && phase.computeId === computeId)
      return state === undefined ? undefined : { state, compute: null }
    }
  }))

const reasons: Readonly<Record<Reaper.LeftWhy, string>> = {
  not_stamped: "not ours",
  other_owner: "somebody else's",
  known: "a session has it",
  young: "too young",
  seen_once: "seen once only",
  store_cannot_tell: "the records cannot tell",
  being_ended: "being ended",
  end_failed: "could not be ended"
}

/** What a run did: what the reaper says, and what became of the sessions that were open. */
interface Done extends Reaper.Reaped, Leftovers.Report {}

const show = ({ ended, left, sessions, unlisted, unsettled }: Done, dryRun: boolean, color: boolean): string => {
  const rows = [
    ...ended.map((one) => [one.provider, one.computeId, one.name, dryRun ? "would be ended" : "ended"]),
    ...left.map((one) => [one.provider, one.computeId, one.name, `left alone: ${reasons[one.why]}`])
  ]
  const table = rows.length === 0 ? "nothing to end" : Table.render(["PROVIDER", "ID", "NAME", ""], rows, { color })
  const over = sessions.map(({ computeId, id }) =>
    `session ${id} had lost its atlas: ended, ${computeId ?? "no compute"}`
  )
  const open = unsettled.map(({ computeId, id, message, provider, state }) =>
    `session ${id} had lost its atlas and is still ${state}: ${computeId ?? "no compute"} of ${provider}: ${message}`
  )
  // "nothing to end" would be a lie beside a session that has not ended
  const said = rows.length === 0 && open.length > 0 ? [] : [table]
  return [...over, ...open, ...said, ...unlisted.map((provider) => `${provider} could not be listed`)].join("\n")
}

/** Ends what is provably nobody's, after what an earlier run has left behind was taken over. */
export const run = ({ call, dryRun, grace: wanted }: Input) =>
  Effect.gen(function*() {
    const { exitWith, hasColor: color, invocation, out } = yield* Shell
    const { owner, store } = yield* yield* Records
    const grace = Option.getOrElse(wanted, () => defaultGrace)
    const reaped = yield* Effect.gen(function*() {
      const known = yield* Providers
      const store = yield* SessionStore
      const named = call.provider === undefined ? null : yield* known.get(call.provider, "reap")
      const providers = named === null ? known.all : [named]
      const judge = (engine: Reaper.Options["engine"]) =>
        prove({ reaper: Reaper.make({ engine, store, grace }), providers, grace, dryRun })
      const withUnreached = (reaped: Reaper.Reaped, { unreached }: Leftovers.Open) => ({
        ...reaped,
        unlisted: [...new Set([...reaped.unlisted, ...unreached.keys()])]
      })
      if (dryRun) {
        const engine = yield* onlooker(owner, store)
        const open = yield* Leftovers.open(engine.sessions, named?.id)
        return { ...withUnreached(yield* judge(engine), open), sessions: [], unsettled: [] }
      }
      // taking the seat adopts what an earlier run has left: what was to end with it is ended now
      return yield* Effect.provide(
        Effect.gen(function*() {
          const engine = yield* SessionEngine.SessionEngine
          const open = yield* Leftovers.open([...engine.all()].map(({ state }) => state), named?.id)
          const report = yield* Leftovers.settle(engine, open)
          const reaped = yield* judge(engine)
          return { ...withUnreached(reaped, open), ...yield* report }
        }),
        SessionEngine.layer({ owner, closeWithin })
      )
    }).pipe(
      Effect.provide(Layer.provideMerge(store, Supervised.providers(call))),
      Supervised.advised
    )
    yield* out(invocation.json ? JSON.stringify(reaped) : show(reaped, dryRun, color))
    const isIncomplete = reaped.unlisted.length > 0 || reaped.unsettled.length > 0 ||
      reaped.left.some(({ why }) => why === "end_failed")
    yield* exitWith(isIncomplete ? 1 : 0)
  })
