/**
 * For tests: what every provider, dispatcher, session store and token storage promises as cases to run, a RunPod, a Fly and a
 * `fly` in memory, a simulated world for the orchestrator, a tracer, and time that passes. Loads no test framework.
 *
 * @since 0.1.0
 */
export * as FakeFly from "../fly/FakeFly.ts"
export * as FakeRunPod from "../providers/runpod/FakeRunPod.ts"
export * as DispatcherConformance from "./DispatcherConformance.ts"
export * as FakeFlyCli from "./FakeFlyCli.ts"
export * as ProviderConformance from "./ProviderConformance.ts"
export * as SessionStoreConformance from "./SessionStoreConformance.ts"
export * as Simulation from "./simulation/Simulation.ts"
export * as SpanRecorder from "./SpanRecorder.ts"
export * as TestTime from "./TestTime.ts"
export * as TokenStorageConformance from "./TokenStorageConformance.ts"
