/** An HTTP client that adds nothing to a request, no trace headers, and follows no redirects. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import * as Option from "effect/Option"

/** The `HttpClient` in context without its span, its trace headers, and the redirects that fetch follows by itself. */
export const make = Effect.gen(function*() {
  const client = yield* HttpClient.HttpClient
  const fetchInit = yield* Effect.serviceOption(FetchHttpClient.RequestInit)
  // callers have spans of their own, the host needs no trace headers, and a redirect could send a key to another host
  const requestInit = { ...Option.getOrElse(fetchInit, () => ({})), redirect: "manual" } as const
  const untraced = () => true
  // added one by one: merging would copy the whole context for every request
  const bare = <R>(context: Context.Context<R>) =>
    Context.add(context, HttpClient.TracerDisabledWhen, untraced).pipe(
      Context.add(HttpClient.TracerPropagationEnabled, false),
      Context.add(FetchHttpClient.RequestInit, requestInit)
    )
  return HttpClient.transformResponse(client, Effect.updateContext(bare<never>))
})
