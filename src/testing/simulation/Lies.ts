/**
 * Headers that say what is not so about how much may still be asked, as clouds send them that are set up wrongly.
 *
 * @since 0.1.0
 */
import * as Headers from "effect/http/Headers"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import { epoch } from "./Host.ts"
import type * as Rng from "./Rng.ts"

/** Times are those of a cloud whose clock is right, in seconds. */
const lies: ReadonlyArray<(now: number) => Readonly<Record<string, string>>> = [
  () => ({ "x-ratelimit-limit": "0", "x-ratelimit-remaining": "0" }),
  () => ({ "x-ratelimit-limit": "0", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "0" }),
  () => ({ "ratelimit-policy": "\"default\";q=0;w=60", ratelimit: "\"default\";r=0;t=60" }),
  () => ({ "ratelimit-policy": "\"day\";q=2;w=86400", ratelimit: "\"day\";r=0;t=86400" }),
  (now) => ({ "x-ratelimit-limit": "60", "x-ratelimit-remaining": "0", "x-ratelimit-reset": String(now + 30) }),
  (now) => ({
    "x-ratelimit-limit": "60",
    "x-ratelimit-remaining": "0",
    "x-ratelimit-reset": String((now + 30) * 1_000)
  }),
  () => ({ "x-ratelimit-limit": "60", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "21600" })
]

/**
 * The same answer with such headers.
 *
 * @category constructors
 * @since 0.1.0
 */
export const tell = (
  response: HttpClientResponse.HttpClientResponse,
  rng: Rng.Rng,
  now: number
): HttpClientResponse.HttpClientResponse => {
  const headers = Headers.setAll(response.headers, {
    date: new Date(epoch + now).toUTCString(),
    ...rng.one(lies)?.(Math.floor((epoch + now) / 1_000))
  })
  return Object.defineProperty(response, "headers", { value: headers })
}
