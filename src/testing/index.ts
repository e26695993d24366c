/**
 * For tests: what every provider and every dispatcher promises as cases to run, a RunPod in memory, a simulated world for the
 * orchestrator, and a tracer. Loads no test framework.
 *
 * @since 0.1.0
 */
export * as FakeRunPod from "../providers/runpod/FakeRunPod.ts"
export * as DispatcherConformance from "./DispatcherConformance.ts"
export * as ProviderConformance from "./ProviderConformance.ts"
export * as Simulation from "./simulation/Simulation.ts"
export * as SpanRecorder from "./SpanRecorder.ts"
