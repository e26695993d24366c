/** The controls over one fake account. */
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Entropy from "../../../domain/Entropy.ts"
import type { Controls, LedgerEntry } from "../FakeRunPodControls.ts"
import type { CreatePodRequest } from "../schema/pods.ts"
import { add } from "./endpointRoutes.ts"
import { advance, announce } from "./endpointState.ts"
import { millisOf } from "./faults.ts"
import { diceFrom, type Input } from "./input.ts"
import { spent, total } from "./meter.ts"
import { plannerOf } from "./plans.ts"
import { createPod } from "./podRoutes.ts"
import * as Pods from "./podStates.ts"
import type { Server } from "./server.ts"
import { type Pod, type State, write } from "./state.ts"

const entryOf = (state: State, pod: Pod, now: number): LedgerEntry => ({
  id: pod.id,
  name: pod.name,
  status: Pods.statusOf(pod, now, state.settings),
  createdAt: DateTime.makeUnsafe(pod.createdAt),
  endedAt: pod.endedAt === null ? null : DateTime.makeUnsafe(pod.endedAt),
  costPerHour: pod.price,
  dollars: total(spent(pod.meter, pod.createdAt, now))
})

export const makeControls = (server: Server): Controls => {
  const { account, faults, state } = server

  const now = Clock.currentTimeMillis

  const withPod = (id: string, change: (pod: Pod, at: number) => void) =>
    Effect.map(now, (at) => {
      const pod = state.pods.get(id)
      if (pod !== undefined && pod.endedAt === null) change(pod, at)
    })

  const change = (facts: Partial<State>) => Effect.sync(() => void Object.assign(state, facts))

  return {
    order: (...ordered) => Effect.sync(() => ordered.forEach(faults.order)),
    pendingFaults: Effect.sync(faults.pending),
    clearFaults: Effect.sync(faults.clear),
    setListingLag: (lag, options) => change({ listingLag: millisOf(lag), lagHidesGet: options?.get ?? false }),
    setPortsLag: (lag) => change({ portsLag: millisOf(lag) }),
    ignoreDeletes: (times) => change({ ignoredDeletes: times }),
    vanish: (id) =>
      withPod(id, (pod, at) => {
        pod.isForgotten = true
        Pods.end(pod, at)
      }),
    failPod: (id) =>
      withPod(id, (pod, at) => {
        pod.hasFailed = true
        write(pod.log, "system", at, "container failed")
        Pods.changed(pod, at)
      }),
    stopPod: (id) =>
      withPod(id, (pod, at) => {
        pod.stoppedAt ??= at
        Pods.changed(pod, at)
      }),
    endCommand: (id, exitCode, { readable = "1 minute" } = {}) =>
      Effect.andThen(
        withPod(id, (pod, at) => {
          Pods.settle(pod, at)
          write(pod.log, "container", at, `atlas: ${pod.env["ATLAS_COMPUTE_NAME"] ?? pod.name} exited with ${exitCode}`)
        }),
        Effect.forkIn(Effect.delay(withPod(id, Pods.end), readable), server.scope)
      ),
    setPrice: (id, dollarsPerHour) =>
      withPod(id, (pod, at) => {
        pod.price = dollarsPerHour
        Pods.changed(pod, at)
      }),
    setGpuPrice: (id, price) =>
      Effect.sync(() => {
        state.gpus = state.gpus.map((gpu) => gpu.id === id ? { ...gpu, ...price } : gpu)
      }),
    setStock: (gpu, level, place = {}) =>
      Effect.sync(() => {
        const rule = { gpu, level, cloud: place.cloud ?? null, dataCenter: place.dataCenter ?? null }
        state.stock = [...state.stock, rule]
      }),
    forbidGpus: (forbidden) => change({ forbidden }),
    setBalance: (hasBalance) => change({ hasBalance }),
    setAccess: (access) =>
      Effect.sync(() => {
        account.access = access
      }),
    plantPod: (body: CreatePodRequest) =>
      Effect.gen(function*() {
        const input: Input = {
          now: yield* now,
          params: {},
          query: new URLSearchParams(),
          headers: {},
          body: JSON.stringify({ disk: 20, ...body }),
          dice: diceFrom(yield* Entropy.bytes(16))
        }
        yield* Effect.orDie(createPod(state, input, undefined))
        return Array.from(state.pods.keys()).at(-1) ?? ""
      }),
    plantEndpoint: (id, spec = {}) =>
      Effect.map(now, (at) => {
        add(state, id, {
          name: id,
          type: "QUEUE",
          image: "test/worker",
          scaling: { type: "QUEUE_DELAY", queueDelay: 4 },
          gpu: { pools: ["ADA_24"], count: 1 },
          ...spec
        }, at)
      }),
    writeLog: (id, line, source = "container") =>
      Effect.map(now, (at) => {
        const workers = Array.from(state.endpoints.values()).flatMap((endpoint) => endpoint.workers)
        const pod = state.pods.get(id)
        if (pod !== undefined) Pods.settle(pod, at)
        const log = pod?.log ?? workers.find((worker) => worker.id === id)?.log
        if (log !== undefined) write(log, source, at, line)
      }),
    onJob: (plan) => change({ plan: plannerOf(plan) }),
    holdWorkers: (id, isHeld) =>
      Effect.map(now, (at) => {
        const endpoint = state.endpoints.get(id)
        if (endpoint === undefined) return
        advance(state, endpoint, at)
        endpoint.isHeld = isHeld
        advance(state, endpoint, at)
        announce(endpoint)
      }),
    webhooks: Effect.map(now, (at) => {
      for (const endpoint of state.endpoints.values()) advance(state, endpoint, at)
      return [...state.webhooks]
    }),
    requests: Effect.sync(() => [...account.requests]),
    ledger: Effect.map(now, (at) => {
      const made = Array.from(state.pods.values(), (pod) => entryOf(state, pod, at))
      return {
        made,
        live: made.filter(({ endedAt }) => endedAt === null),
        dollars: made.reduce((sum, { dollars }) => sum + dollars, 0)
      }
    })
  }
}
