/**
 * For tests: what every provider promises as cases to run, and a tracer in memory. Loads no test framework.
 *
 * @since 0.1.0
 */
export * as ProviderConformance from "./ProviderConformance.ts"
export * as SpanRecorder from "./SpanRecorder.ts"
