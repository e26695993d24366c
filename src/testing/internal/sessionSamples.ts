/** Sessions to store: of every phase and mode, with any value that a field of a session may hold. */
import * as Arbitrary from "effect/Arbitrary"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { AttemptId, schemaVersion, type SessionId, SessionSpec, SessionState } from "../../orchestrator/Session.ts"
import type { Owner } from "../../provider/NameStamp.ts"

// an owner is a filter that values made at random hardly ever pass, and each case gives its own
const { owner: _, ...specFields } = SessionSpec.fields
const { spec: __, ...otherFields } = SessionState.fields

/** With every pause as a state holds it: in whole milliseconds, and with an end. */
const withPauses = <A>(value: A): A => {
  if (Duration.isDuration(value)) {
    const millis = Math.ceil(Duration.toMillis(value))
    // the boundary to a value that is walked through: a Duration stands where one stood
    return Duration.millis(Math.max(0, Math.min(millis, 86_400_000))) as A & Duration.Duration
  }
  if (Array.isArray(value)) return value.map(withPauses) as A & Array<unknown> // as above, for a list
  if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withPauses(inner)])) as A // and a record
}

/** Enough that every phase is among them many times. */
const count = 100

const sampled = <S extends Schema.Top>(schema: S) =>
  Effect.orDie(Arbitrary.sampleEffect(Arbitrary.schema(schema), { count, seed: "sessions", maxDiscards: 1_000_000 }))

const all = Effect.runSync(Effect.cached(Effect.all([
  sampled(Schema.Struct(specFields)),
  sampled(Schema.Struct(otherFields))
])))

/** A hundred sessions of an owner, the same each time but for their ids. */
export const samples = (owner: Owner, idOf: (index: number) => SessionId): Effect.Effect<ReadonlyArray<SessionState>> =>
  Effect.map(all, ([specs, others]) =>
    others.flatMap((other, index) => {
      const spec = specs[index]
      return spec === undefined ? [] : [{ ...withPauses(other), spec: { ...spec, owner, id: idOf(index) } }]
    }))

/** A plain session that has just begun, with these attempts, of this user. */
export const plain = (
  owner: Owner,
  id: SessionId,
  { attempts = [], userId = null }: { readonly attempts?: ReadonlyArray<string>; readonly userId?: string | null } = {}
): SessionState => {
  const sent = attempts.map((attempt) => ({
    id: AttemptId.make(attempt),
    candidate: 0,
    name: `atlas-${owner}-a-${attempt}`,
    sentAt: 1
  }))
  return decode({
    schemaVersion,
    version: 0,
    spec: {
      id,
      owner,
      mode: "interactive",
      userId,
      persist: true,
      request: {
        gpuCount: 1,
        image: null,
        cloudType: "any",
        spot: false,
        ports: [],
        envNames: [],
        volumeGb: null,
        containerDiskGb: null,
        networkVolumeId: null,
        templateId: null,
        name: null,
        auth: "bearer",
        providerOpts: {},
        withheld: [],
        command: null,
        selfTerminate: true
      },
      candidates: [{ provider: "mock", gpu: null, regionHints: [] }],
      policy: {
        idleTtl: null,
        maxRuntime: null,
        readyTimeout: null,
        finishGrace: null,
        heartbeat: null,
        reconcileSpend: null,
        maxCost: null,
        onFailure: { _tag: "Stop" }
      }
    },
    createdAt: 1,
    phase: { _tag: "Waiting", candidate: 0, limited: 0, lost: 0, until: 1, why: "respawn" },
    pendingTerminations: [],
    meter: { settled: [], running: [] },
    attempts: sent,
    refusals: [],
    respawns: 0,
    report: null,
    last: null,
    terminatedIds: [],
    touched: 1,
    touchedAt: 1,
    timers: { look: null, check: null, bill: null, beat: null },
    clock: { wall: 1, mono: 1 }
  })
}

const decode = Schema.decodeUnknownSync(SessionState)
