/** An HTTP client that adds nothing of its own to a request, and goes nowhere it was not told to go. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import * as Option from "effect/Option"

/** The client at hand, without its span, its trace headers, and the redirects that fetch follows by itself. */
export const make = Effect.gen(function*() {
  const client = yield* HttpClient.HttpClient
  const fetchInit = yield* Effect.serviceOption(FetchHttpClient.RequestInit)
  // our span is the one that counts, trace headers are not the host's business, and a redirect could carry a key away
  const requestInit = { ...Option.getOrElse(fetchInit, () => ({})), redirect: "manual" } as const
  const untraced = () => true
  // laid over the context one by one: merging would copy all of it, for every request
  const bare = <R>(context: Context.Context<R>) =>
    Context.add(context, HttpClient.TracerDisabledWhen, untraced).pipe(
      Context.add(HttpClient.TracerPropagationEnabled, false),
      Context.add(FetchHttpClient.RequestInit, requestInit)
    )
  return HttpClient.transformResponse(client, Effect.updateContext(bare<never>))
})
