/** Reads the body of an answer under a size limit. */
import * as Effect from "effect/Effect"
import type * as Headers from "effect/http/Headers"
import type * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Stream from "effect/Stream"

/** The failure for a body that is larger than the limit. */
export class TooLarge {
  readonly _tag = "TooLarge"
}

const joined = (parts: ReadonlyArray<Uint8Array>, size: number): Uint8Array => {
  const [only] = parts
  if (only !== undefined && parts.length === 1) return only
  const whole = new Uint8Array(size)
  let offset = 0
  for (const part of parts) {
    whole.set(part, offset)
    offset += part.byteLength
  }
  return whole
}

/** The bytes of a body, counted as they arrive and are decompressed: more than `limit` is never held in memory. */
export const read = (
  response: HttpClientResponse.HttpClientResponse,
  headers: Headers.Headers,
  limit: number
): Effect.Effect<Uint8Array, HttpClientError.HttpClientError | TooLarge> => {
  const declared = headers["content-length"]
  // the transport ends a plain body at its declared length, so it can be read in one go
  const isBounded = declared !== undefined && Number(declared) <= limit && headers["content-encoding"] === undefined
  if (isBounded) {
    return Effect.flatMap(
      response.arrayBuffer,
      (buffer) => buffer.byteLength > limit ? Effect.fail(new TooLarge()) : Effect.succeed(new Uint8Array(buffer))
    )
  }
  return Effect.suspend(() => {
    const parts: Array<Uint8Array> = []
    let size = 0
    return Stream.runForEach(response.stream, (part) => {
      size += part.byteLength
      if (size > limit || Number(declared) > limit) return Effect.fail(new TooLarge())
      parts.push(part)
      return Effect.void
    }).pipe(
      Effect.catchIf(
        (error) => error._tag === "HttpClientError" && error.reason._tag === "EmptyBodyError",
        () => Effect.void
      ),
      Effect.map(() => joined(parts, size))
    )
  })
}
