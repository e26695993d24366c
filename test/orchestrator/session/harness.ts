/**
 * A session on a stage: events go in, time passes, and everything it asked for and told is kept. No clock, no fiber.
 */
import { assert } from "@effect/vitest"
import { ComputeId, ProviderId } from "effect-atlas/domain/Ids"
import { Owner } from "effect-atlas/provider/NameStamp"
import * as Session from "../../../src/orchestrator/Session.ts"

export const acme = ProviderId.make("acme")
export const other = ProviderId.make("other")
export const second = 1_000
export const minute = 60 * second
export const hour = 60 * minute

export const fault = (
  reason: Session.Fault.Fault["reason"],
  facts: Partial<Session.Fault.Fault> = {}
): Session.Fault.Fault => ({ ...Session.Fault.make(reason, `it said ${reason}`), ...facts })

/** Nothing ends by itself unless the test says so. */
const unlimited: Session.Policy.Policy = {
  idleTtl: null,
  maxRuntime: null,
  readyTimeout: null,
  finishGrace: null,
  heartbeat: null,
  reconcileSpend: null,
  maxCost: null,
  onFailure: { _tag: "Stop" }
}

export const requestOf = (
  changes: Partial<Session.RentRequest.RentRequest> = {}
): Session.RentRequest.RentRequest => ({
  gpuCount: 1,
  image: "busybox",
  cloudType: "any",
  spot: false,
  ports: [{ port: 8000, protocol: "http", symmetric: false }],
  envNames: ["HF_TOKEN"],
  volumeGb: null,
  containerDiskGb: null,
  networkVolumeId: null,
  templateId: null,
  name: "alice",
  auth: "bearer",
  providerOpts: { tier: "gold" },
  withheld: [],
  command: null,
  selfTerminate: true,
  ...changes
})

export interface Wishes {
  readonly mode?: Session.Mode
  readonly persist?: boolean
  readonly policy?: Partial<Session.Policy.Policy>
  readonly request?: Partial<Session.RentRequest.RentRequest>
  readonly candidates?: Session.SessionSpec["candidates"]
  readonly config?: Partial<Session.DecideConfig>
}

export const start = (wishes: Wishes = {}) => {
  const config: Session.DecideConfig = { ...Session.defaults, ...wishes.config }
  const spec: Session.SessionSpec = {
    id: Session.SessionId.make("s1"),
    owner: Owner.make("team1"),
    mode: wishes.mode ?? "interactive",
    userId: "alice",
    persist: wishes.persist ?? false,
    request: requestOf(wishes.request),
    candidates: wishes.candidates ?? [{ provider: acme, gpu: "h100", regionHints: [] }],
    policy: { ...unlimited, ...wishes.policy }
  }
  const now = { wall: 1_700_000_000_000, mono: 1_000_000 }
  const first = Session.decide(null, { _tag: "Started", spec }, now, config)
  if (first.state === null) throw new Error("a session did not start")
  let state: Session.SessionState = first.state
  let asked: ReadonlyArray<Session.Command> = first.commands
  let told: ReadonlyArray<Session.SessionEvent> = first.events

  const stage = {
    now,
    config,
    get state() {
      return state
    },
    get phase() {
      return state.phase
    },
    /** The phase, which must be this one. */
    in: <Tag extends Session.Phase["_tag"]>(tag: Tag): Session.PhaseOf<Tag> => {
      const { phase } = state
      assert.strictEqual(phase._tag, tag)
      // the line above has made sure of it
      return phase as Session.PhaseOf<Tag>
    },
    /** What it asked for since this was read last. */
    asked: () => {
      const all = asked
      asked = []
      return all
    },
    askedFor: () => stage.asked().map(({ _tag }) => _tag),
    /** What it told since this was read last. */
    told: () => {
      const all = told
      told = []
      return all
    },
    toldOf: () => stage.told().map(({ _tag }) => _tag),
    spent: () => Session.spentUsd(state, now),
    send: (event: Session.SessionInput) => {
      const before = state
      const decision = Session.decide(state, event, now, config)
      state = decision.state
      asked = [...asked, ...decision.commands]
      told = [...told, ...decision.events]
      return { ...decision, isSame: before === state, needsCommit: Session.needsCommit(before, state) }
    },
    /** Lets time pass, waking the session whenever it wants to be woken; the two clocks may part. */
    pass: (millis: number) => {
      const until = now.mono + millis
      while (true) {
        const wake = Session.nextWake(state, now, config)
        const at = Math.max(now.mono, Math.min(wake ?? until, until))
        now.wall += at - now.mono
        now.mono = at
        if (wake === null || wake > until) return
        stage.send({ _tag: "WokeUp" })
      }
    },
    attempt: (): Session.Attempt => {
      const last = state.attempts.at(-1)
      if (last === undefined) throw new Error("no attempt")
      return last
    },
    sighting: (changes: Partial<Session.Observation.Observation> = {}): Session.Observation.Observation => ({
      computeId: ComputeId.make("m1"),
      provider: acme,
      name: stage.attempt().name,
      status: "running",
      costPerHour: 2,
      createdAt: null,
      exitCode: null,
      ...changes
    }),
    rented: (changes: Partial<Session.Observation.Observation> = {}) =>
      stage.send({ _tag: "Rented", attempt: stage.attempt().id, compute: stage.sighting(changes), authHash: "hash" }),
    refused: (reason: Session.Fault.Fault["reason"], facts?: Partial<Session.Fault.Fault>) =>
      stage.send({ _tag: "Refused", attempt: stage.attempt().id, fault: fault(reason, facts) }),
    unanswered: () =>
      stage.send({ _tag: "Unanswered", attempt: stage.attempt().id, fault: fault("Uncertain"), authHash: "hash" }),
    looked: (found: ReadonlyArray<Session.Observation.Observation>, complete = true) =>
      stage.send({ _tag: "Looked", attempt: stage.attempt().id, found, complete, at: now.mono }),
    lookFailed: () => stage.send({ _tag: "LookFailed", attempt: stage.attempt().id, fault: fault("Transport") }),
    observed: (changes: Partial<Session.Observation.Observation> = {}) =>
      stage.send({ _tag: "Observed", compute: stage.sighting(changes) }),
    missed: (id = "m1") => stage.send({ _tag: "Missed", provider: acme, computeId: ComputeId.make(id) }),
    confirmed: (changes: Partial<Session.Observation.Observation> | null, id = "m1") =>
      stage.send({
        _tag: "Confirmed",
        provider: acme,
        computeId: ComputeId.make(id),
        compute: changes === null ? null : stage.sighting({ computeId: ComputeId.make(id), ...changes })
      }),
    confirmFailed: (reason: Session.Fault.Fault["reason"] = "ProviderFault", id = "m1") =>
      stage.send({ _tag: "ConfirmFailed", provider: acme, computeId: ComputeId.make(id), fault: fault(reason) }),
    terminateAnswered: (id = "m1") =>
      stage.send({ _tag: "TerminateAnswered", provider: acme, computeId: ComputeId.make(id) }),
    terminateFailed: (reason: Session.Fault.Fault["reason"] = "Transport", id = "m1") =>
      stage.send({ _tag: "TerminateFailed", provider: acme, computeId: ComputeId.make(id), fault: fault(reason) }),
    billed: (usd: number, id = "m1") =>
      stage.send({ _tag: "Billed", provider: acme, computeId: ComputeId.make(id), usd }),
    billFailed: (reason: Session.Fault.Fault["reason"]) =>
      stage.send({ _tag: "BillFailed", provider: acme, computeId: ComputeId.make("m1"), fault: fault(reason) }),
    report: (exitCode: number, attempt = stage.attempt().id) => stage.send({ _tag: "Report", attempt, exitCode }),
    stop: () => stage.send({ _tag: "StopRequested", by: "caller" }),
    touch: () => stage.send({ _tag: "Touched" }),
    /** The machine is terminated and its absence verified. */
    markTerminated: (id = "m1") => {
      stage.terminateAnswered(id)
      stage.pass(10 * second)
      stage.confirmed(null, id)
    },
    /** The process is gone for a while, and another one reads the row. */
    restart: (downtime = 0) => {
      now.wall += downtime
      now.mono = 5
      asked = []
      told = []
      return stage.send({ _tag: "Adopted" })
    }
  }
  return stage
}

/** A session that lives, with nothing left to be read. */
export const live = (wishes: Wishes = {}) => {
  const stage = start(wishes)
  stage.rented()
  stage.pass(10 * second)
  stage.asked()
  stage.told()
  return stage
}

export const task = (wishes: Wishes = {}) => live({ ...wishes, mode: "task" })
