/**
 * What the tests of the two log hosts share: a page to ask for, and hosts that answer it.
 */
import { AppName, FlyLogSource } from "effect-atlas/fly"
import { FakeFly } from "effect-atlas/testing"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { canary } from "./logs.ts"

export const app = AppName.AppName.make("acme-web")

export const request = (given: Partial<FlyLogSource.PageRequest> & { readonly text?: string } = {}) => ({
  app,
  token: Redacted.make(given.text ?? canary),
  cursor: null,
  region: null,
  instance: null,
  baseUrl: null,
  ...given
})

export const page = (given?: Parameters<typeof request>[0]) =>
  FlyLogSource.FlyLogSource.use((source) => source.page(request(given)))

/** A host that answers what the test says, and what it was asked. */
export const host = (
  body: string | ReadableStream<Uint8Array>,
  source: (options?: FlyLogSource.Options) => Layer.Layer<FlyLogSource.FlyLogSource, never, HttpClient.HttpClient>,
  init: ResponseInit = {}
) => {
  const seen: Array<{ readonly url: string; readonly headers: Readonly<Record<string, string>> }> = []
  const client = HttpClient.make((asked, url) =>
    Effect.sync(() => {
      seen.push({ url: url.href, headers: { ...asked.headers } })
      return HttpClientResponse.fromWeb(asked, new Response(body, init))
    })
  )
  return { seen, layer: source().pipe(Layer.provide(Layer.succeed(HttpClient.HttpClient, client))) }
}

export const both = [["platform", FlyLogSource.layerPlatform], ["machines", FlyLogSource.layerMachines]] as const

export const fake = (source: typeof both[number][1]) =>
  source().pipe(Layer.provide(FakeFly.layerClient), Layer.provideMerge(FakeFly.layer({ apps: [app] })))

export const empty = "{\"data\":[],\"meta\":{\"next_token\":\"\"}}"
