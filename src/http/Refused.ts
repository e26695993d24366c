/** Requests that an HTTP client refuses to send, such as through a proxy that it cannot use. */
import type * as HttpClientError from "effect/http/HttpClientError"
import { Validation } from "../domain/AtlasError.ts"

/** Why the client sent nothing, where that is what its failure was caused by; null for every other failure. */
export const reasonOf = ({ reason }: HttpClientError.HttpClientError): Validation | null =>
  "cause" in reason && reason.cause instanceof Validation ? reason.cause : null
