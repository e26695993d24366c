/**
 * A session under test: inputs go in, time passes, and its commands and events are collected. No clock, no fiber.
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

/** No limit holds unless the test sets one. */
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

export interface Options {
  readonly mode?: Session.Mode
  readonly persist?: boolean
  readonly policy?: Partial<Session.Policy.Policy>
  readonly request?: Partial<Session.RentRequest.RentRequest>
  readonly candidates?: Session.SessionSpec["candidates"]
  readonly config?: Partial<Session.DecideConfig>
}

export const start = (options: Options = {}) => {
  const config: Session.DecideConfig = { ...Session.defaults, ...options.config }
  const spec: Session.SessionSpec = {
    id: Session.SessionId.make("s1"),
    owner: Owner.make("team1"),
    mode: options.mode ?? "interactive",
    userId: "alice",
    persist: options.persist ?? false,
    request: requestOf(options.request),
    candidates: options.candidates ?? [{ provider: acme, gpu: "h100", regionHints: [] }],
    policy: { ...unlimited, ...options.policy }
  }
  const now = { wall: 1_700_000_000_000, mono: 1_000_000 }
  const first = Session.decide(null, { _tag: "Started", spec }, now, config)
  if (first.state === null) throw new Error("a session did not start")
  let state: Session.SessionState = first.state
  let asked: ReadonlyArray<Session.Command> = first.commands
  let told: ReadonlyArray<Session.SessionEvent> = first.events

  const session = {
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
    /** The commands since the last read. */
    asked: () => {
      const all = asked
      asked = []
      return all
    },
    askedFor: () => session.asked().map(({ _tag }) => _tag),
    /** The events since the last read. */
    told: () => {
      const all = told
      told = []
      return all
    },
    toldOf: () => session.told().map(({ _tag }) => _tag),
    spent: () => Session.spentUsd(state, now),
    send: (input: Session.SessionInput) => {
      const before = state
      const decision = Session.decide(state, input, now, config)
      state = decision.state
      asked = [...asked, ...decision.commands]
      told = [...told, ...decision.events]
      return { ...decision, isSame: before === state, needsCommit: Session.needsCommit(before, state) }
    },
    /** Lets time pass, and wakes the session whenever it is due. */
    pass: (millis: number) => {
      const until = now.mono + millis
      while (true) {
        const wake = Session.nextWake(state, now, config)
        const at = Math.max(now.mono, Math.min(wake ?? until, until))
        now.wall += at - now.mono
        now.mono = at
        if (wake === null || wake > until) return
        session.send({ _tag: "WokeUp" })
      }
    },
    attempt: (): Session.Attempt => {
      const last = state.attempts.at(-1)
      if (last === undefined) throw new Error("no attempt")
      return last
    },
    observation: (changes: Partial<Session.Observation.Observation> = {}): Session.Observation.Observation => ({
      computeId: ComputeId.make("m1"),
      provider: acme,
      name: session.attempt().name,
      status: "running",
      costPerHour: 2,
      createdAt: null,
      exitCode: null,
      ...changes
    }),
    rented: (changes: Partial<Session.Observation.Observation> = {}) =>
      session.send({
        _tag: "Rented",
        attempt: session.attempt().id,
        compute: session.observation(changes),
        authHash: "hash"
      }),
    refused: (reason: Session.Fault.Fault["reason"], facts?: Partial<Session.Fault.Fault>) =>
      session.send({ _tag: "Refused", attempt: session.attempt().id, fault: fault(reason, facts) }),
    unanswered: () =>
      session.send({ _tag: "Unanswered", attempt: session.attempt().id, fault: fault("Uncertain"), authHash: "hash" }),
    looked: (found: ReadonlyArray<Session.Observation.Observation>, complete = true) =>
      session.send({ _tag: "Looked", attempt: session.attempt().id, found, complete, at: now.mono }),
    lookFailed: () => session.send({ _tag: "LookFailed", attempt: session.attempt().id, fault: fault("Transport") }),
    observed: (changes: Partial<Session.Observation.Observation> = {}) =>
      session.send({ _tag: "Observed", compute: session.observation(changes) }),
    missed: (id = "m1") => session.send({ _tag: "Missed", provider: acme, computeId: ComputeId.make(id) }),
    confirmed: (changes: Partial<Session.Observation.Observation> | null, id = "m1") =>
      session.send({
        _tag: "Confirmed",
        provider: acme,
        computeId: ComputeId.make(id),
        compute: changes === null ? null : session.observation({ computeId: ComputeId.make(id), ...changes })
      }),
    confirmFailed: (reason: Session.Fault.Fault["reason"] = "ProviderFault", id = "m1") =>
      session.send({ _tag: "ConfirmFailed", provider: acme, computeId: ComputeId.make(id), fault: fault(reason) }),
    terminateAnswered: (id = "m1") =>
      session.send({ _tag: "TerminateAnswered", provider: acme, computeId: ComputeId.make(id) }),
    terminateFailed: (reason: Session.Fault.Fault["reason"] = "Transport", id = "m1") =>
      session.send({ _tag: "TerminateFailed", provider: acme, computeId: ComputeId.make(id), fault: fault(reason) }),
    billed: (usd: number, id = "m1") =>
      session.send({ _tag: "Billed", provider: acme, computeId: ComputeId.make(id), usd }),
    billFailed: (reason: Session.Fault.Fault["reason"]) =>
      session.send({ _tag: "BillFailed", provider: acme, computeId: ComputeId.make("m1"), fault: fault(reason) }),
    report: (exitCode: number, attempt = session.attempt().id) => session.send({ _tag: "Report", attempt, exitCode }),
    stop: () => session.send({ _tag: "StopRequested", by: "caller" }),
    touch: () => session.send({ _tag: "Touched" }),
    /** The machine is terminated and its absence verified. */
    markTerminated: (id = "m1") => {
      session.terminateAnswered(id)
      session.pass(10 * second)
      session.confirmed(null, id)
    },
    /** The process is gone for a while, and the next one adopts the session. */
    restart: (downtime = 0) => {
      now.wall += downtime
      now.mono = 5
      asked = []
      told = []
      return session.send({ _tag: "Adopted" })
    }
  }
  return session
}

/** A live session, with no command or event left to read. */
export const live = (options: Options = {}) => {
  const session = start(options)
  session.rented()
  session.pass(10 * second)
  session.asked()
  session.told()
  return session
}

export const task = (options: Options = {}) => live({ ...options, mode: "task" })
