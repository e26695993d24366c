/**
 * What the tests of the native client share: a client with scripted answers, and a pod as RunPod writes it.
 */
import * as Effect from "effect/Effect"
import * as FakeRunPod from "../../../src/providers/runpod/FakeRunPod.ts"
import * as RunPodClient from "../../../src/providers/RunPodClient.ts"
import { type Script, scripted } from "../../provider/http/harness.ts"
import { key } from "./harness.ts"

/** A client whose answers are scripted, and what it sent. */
export const against = (...answers: ReadonlyArray<Script | (() => Script)>) =>
  Effect.gen(function*() {
    const { provide, seen } = scripted(...answers)
    const client = yield* provide(RunPodClient.make({ apiKey: key }))
    return { client, seen }
  })

export const pod = { id: "pod1", name: "n", status: "RUNNING", env: { A: "secret" }, ports: ["8000/http"] }

export const createBody = { name: "n", image: "i", gpu: { id: "NVIDIA L4", count: 1 }, disk: 10 }

export const client = RunPodClient.RunPodClient
export const cloud = FakeRunPod.FakeRunPodControls
