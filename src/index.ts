/**
 * The light core: the verbs (`Atlas`), the domain's types, the provider contract and the credentials.
 *
 * Providers and everything heavier are subpaths, such as `effect-atlas/providers/LocalProvider`.
 *
 * @since 0.1.0
 */
export * as Atlas from "./Atlas.ts"
export * as BearerToken from "./auth/BearerToken.ts"
export * as SignedUrl from "./auth/SignedUrl.ts"
export * as AtlasError from "./domain/AtlasError.ts"
export * as Compute from "./domain/Compute.ts"
export * as ComputeRequest from "./domain/ComputeRequest.ts"
export * as Credential from "./domain/Credential.ts"
export * as Decode from "./domain/Decode.ts"
export * as Entropy from "./domain/Entropy.ts"
export * as Gpu from "./domain/Gpu.ts"
export * as GpuCatalog from "./domain/GpuCatalog.ts"
export * as HttpErrors from "./domain/HttpErrors.ts"
export * as Ids from "./domain/Ids.ts"
export * as Job from "./domain/Job.ts"
export * as JobRequest from "./domain/JobRequest.ts"
export * as LogElement from "./domain/LogElement.ts"
export * as Money from "./domain/Money.ts"
export * as Refusal from "./domain/Refusal.ts"
export * as Resources from "./domain/Resources.ts"
export * as ApiKey from "./provider/ApiKey.ts"
export * as Capability from "./provider/Capability.ts"
export * as NameStamp from "./provider/NameStamp.ts"
export * as Provider from "./provider/Provider.ts"
export * as Providers from "./provider/Providers.ts"
