/** One call to the mock's cloud: recorded, on its way, hit by what was ordered, answered. */
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { type AtlasErrorReason, Uncertain } from "../../../domain/AtlasError.ts"
import type { ComputeRequest } from "../../../domain/ComputeRequest.ts"
import type { SpawnDraft } from "../../../provider/Adapter.ts"
import type { Operation, RecordedCall } from "../MockControls.ts"
import type { Cloud } from "./cloud.ts"
import type { Faults } from "./faults.ts"

const noCalls: Readonly<Record<Operation, number>> = {
  spawnCompute: 0,
  getCompute: 0,
  listCompute: 0,
  terminate: 0,
  stop: 0,
  start: 0,
  listGpuTypes: 0,
  streamLogs: 0,
  runJob: 0,
  getJob: 0,
  cancelJob: 0,
  streamJob: 0,
  listNetworkVolumes: 0,
  getNetworkVolume: 0,
  createNetworkVolume: 0,
  deleteNetworkVolume: 0,
  listTemplates: 0,
  getTemplate: 0,
  createTemplate: 0,
  deleteTemplate: 0,
  listEndpoints: 0,
  getEndpoint: 0,
  deleteEndpoint: 0,
  computeSpend: 0
}

const withoutSecrets = (request: ComputeRequest): RecordedCall["request"] => {
  const { env: _env, providerOpts: _providerOpts, ...rest } = request
  return rest
}

/** What is recorded of a call beside its operation and its time. */
export interface Facts {
  readonly id?: string
  readonly spawn?: SpawnDraft
  readonly filter?: RecordedCall["filter"]
}

export interface Calls {
  /** Sends `act` to the cloud, where it runs at its time of arrival, and waits for the answer. */
  readonly make: <A>(
    operation: Operation,
    facts: Facts,
    act: (at: number) => Result.Result<A, AtlasErrorReason>
  ) => Effect.Effect<A, AtlasErrorReason>
  readonly counts: () => Readonly<Record<Operation, number>>
  readonly recorded: () => ReadonlyArray<RecordedCall>
  readonly reset: () => void
}

export const makeCalls = (cloud: Cloud, faults: Faults): Calls => {
  let counts = noCalls
  let recorded: ReadonlyArray<RecordedCall> = []

  const record = (operation: Operation, now: number, { filter, id, spawn }: Facts): void => {
    counts = { ...counts, [operation]: counts[operation] + 1 }
    recorded = [...recorded, {
      operation,
      at: DateTime.makeUnsafe(now),
      id: id ?? null,
      name: spawn?.name ?? null,
      request: spawn === undefined ? null : withoutSecrets(spawn.request),
      env: Object.keys(spawn?.env ?? {}),
      providerOpts: Object.keys(spawn?.request.providerOpts ?? {}),
      filter: filter ?? null
    }]
  }

  return {
    make: <A>(operation: Operation, facts: Facts, act: (at: number) => Result.Result<A, AtlasErrorReason>) =>
      Effect.gen(function*() {
        const now = yield* Clock.currentTimeMillis
        record(operation, now, facts)
        const fault = faults.take(operation)
        const travel = faults.travelOf(operation)
        let answer: Result.Result<A, AtlasErrorReason> = Result.fail(
          new Uncertain({ message: "the request never arrived" })
        )
        if (fault === undefined || (fault._tag === "LoseAnswer" && fault.created)) {
          cloud.send(now + travel.request, (at) => {
            answer = act(at)
          })
        }
        cloud.settle(now)
        const wait = travel.request + travel.answer
        if (wait > 0) {
          yield* Effect.sleep(Duration.millis(wait))
          cloud.settle(yield* Clock.currentTimeMillis)
        }
        switch (fault?._tag) {
          case "Die":
            return yield* Effect.die(fault.defect)
          case "Fail":
            return yield* fault.reason
          case "LoseAnswer":
            return yield* new Uncertain({ message: "the answer was lost" })
          case undefined:
            return yield* Effect.fromResult(answer)
        }
      }),
    counts: () => counts,
    recorded: () => recorded,
    reset: () => {
      counts = noCalls
      recorded = []
    }
  }
}
