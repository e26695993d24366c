/**
 * The schemas of RunPod's two APIs: requests that refuse unknown fields, answers that tolerate them, and every call as data.
 *
 * @since 0.1.0
 */
export * from "./schema/billing.ts"
export * from "./schema/bills.ts"
export type { Operation } from "./schema/calls.ts"
export * from "./schema/catalog.ts"
export * from "./schema/changes.ts"
export * from "./schema/containerAnswers.ts"
export * from "./schema/credentials.ts"
export * from "./schema/endpointRequests.ts"
export * from "./schema/endpoints.ts"
export * from "./schema/gpuTypes.ts"
export * from "./schema/offers.ts"
export * from "./schema/operations.ts"
export * from "./schema/podAnswers.ts"
export * from "./schema/pods.ts"
export * from "./schema/queue.ts"
export * from "./schema/registries.ts"
export * from "./schema/resourceLists.ts"
export * from "./schema/resources.ts"
export * from "./schema/runtime.ts"
export * from "./schema/wire.ts"
export * from "./schema/workers.ts"
