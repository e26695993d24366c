/**
 * Planted faults of the engine, the feed and the reaper. For the simulator only: each is a mistake the checks must catch.
 */
import { type Mutation, mutations } from "../session/Mutation.ts"

/** The faults that can be planted outside `decide`, by name. */
export const engineMutations = [
  "skip-intent",
  "publish-before-commit",
  "ignore-cas",
  "lose-timer",
  "trust-incomplete-listing",
  "reap-without-store-answer",
  "reap-young",
  "reap-any-owner",
  "keep-token",
  "trace-environment"
] as const

/** One of them. */
export type EngineMutation = (typeof engineMutations)[number]

/** Every planted fault there is. */
export const allMutations = [...mutations, ...engineMutations] as const

/** Any planted fault. */
export type AnyMutation = Mutation | EngineMutation

/** The core's own fault, null when it is one of the engine's. */
export const ofCore = (mutation: AnyMutation | null): Mutation | null =>
  mutations.find((one) => one === mutation) ?? null
