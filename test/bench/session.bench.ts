/**
 * A session's decisions for what happens most, against the bound of 500,000 events a second, and the heap of 100,000 sessions.
 */
import { ComputeId, ProviderId } from "effect-atlas/domain/Ids"
import { Owner } from "effect-atlas/provider/NameStamp"
import * as Session from "../../src/orchestrator/Session.ts"
import { compare } from "./measure.ts"

const provider = ProviderId.make("acme")
const config = Session.defaults

const specOf = (number: number): Session.SessionSpec => ({
  id: Session.SessionId.make(`session-${number}-abcdefgh`),
  owner: Owner.make("team1"),
  mode: "interactive",
  userId: `user-${number}`,
  persist: true,
  request: {
    gpuCount: 1,
    image: `registry.example/model-${number}:latest`,
    cloudType: "any",
    spot: true,
    ports: [{ port: 8000, protocol: "http", symmetric: false }],
    envNames: ["HF_TOKEN", "MODEL"],
    volumeGb: 20,
    containerDiskGb: 20,
    networkVolumeId: null,
    templateId: null,
    name: `user-${number}`,
    auth: "bearer",
    providerOpts: {},
    withheld: [],
    command: ["serve", "--model", `m-${number}`],
    selfTerminate: true
  },
  candidates: [
    { provider, gpu: "h100", regionHints: ["eu"] },
    { provider, gpu: "a100_80g", regionHints: [] }
  ],
  policy: { ...Session.Policy.interactive, maxCost: 10, onFailure: { _tag: "Respawn", max: 3 } }
})

const now = { wall: 1_700_000_000_000, mono: 1_000 }

const observationOf = (state: Session.SessionState, number: number): Session.Sighting.Observation => ({
  computeId: ComputeId.make(`machine-${number}`),
  provider,
  name: state.attempts[0]?.name ?? null,
  status: "running",
  costPerHour: 2,
  createdAt: now.wall,
  exitCode: null
})

const liveOf = (number: number): Session.SessionState => {
  const { state } = Session.decide(null, { _tag: "Started", spec: specOf(number) }, now, config)
  if (state?.phase._tag !== "Renting") throw new Error("a session did not start")
  const compute = observationOf(state, number)
  const attempt = state.phase.attempt.id
  return Session.decide(state, { _tag: "Rented", attempt, compute, authHash: "f".repeat(64) }, now, config).state
}

const many = 1_000
const states = Array.from({ length: many }, (_, number) => liveOf(number))
const observed = states.map((state, number): Session.SessionInput => ({
  _tag: "Observed",
  compute: observationOf(state, number)
}))
const touched: Session.SessionInput = { _tag: "Touched" }
const wokeUp: Session.SessionInput = { _tag: "WokeUp" }

let asked = 0

/** Every event finds another session, as in an engine, so that no result can be kept from the last time. */
const decideEach = (eventOf: (index: number) => Session.SessionInput) => (times: number): void => {
  const clock = { ...now }
  for (let i = 0; i < times; i++) {
    const index = i % many
    if (index === 0) {
      clock.mono += 1
      clock.wall += 1
    }
    const state = states[index]
    if (state !== undefined) asked += Session.decide(state, eventOf(index), clock, config).commands.length
  }
}

/** The bound of the design, as a contender: it takes two microseconds. */
const bound = (times: number): void => {
  const end = performance.now() + times / 500
  while (performance.now() < end);
}

await compare([
  { name: "bound: 500,000 /s", run: bound },
  { name: "Observed, nothing new", run: decideEach((index) => observed[index] ?? touched) },
  { name: "Touched", run: decideEach(() => touched) },
  { name: "WokeUp, nothing due", run: decideEach(() => wokeUp) },
  {
    name: "nextWake",
    run: (times) => {
      for (let i = 0; i < times; i++) {
        const state = states[i % many]
        if (state !== undefined) asked += Session.nextWake(state, now, config) === null ? 1 : 0
      }
    }
  }
], 200_000)

for (const count of [10_000, 100_000]) {
  globalThis.gc?.()
  const before = process.memoryUsage().heapUsed
  const held = Array.from({ length: count }, (_, number) => liveOf(number))
  globalThis.gc?.()
  const bytes = (process.memoryUsage().heapUsed - before) / held.length
  console.log(`heap of a session at ${count.toLocaleString("en")}: ${Math.round(bytes)} bytes (bound 3,072)`)
}
if (asked > 0) throw new Error("a decision asked for something where nothing was to be asked for")
