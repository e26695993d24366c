/**
 * HTTP through a proxy, where the environment names one: `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, in small letters first.
 */
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Layer from "effect/Layer"
import { Validation } from "../domain/AtlasError.ts"
import * as Setting from "../domain/Setting.ts"

/** No proxy reaches what runs on this very machine. */
const ownMachine = "localhost,127.0.0.1,[::1]"

const read = (name: string) =>
  Effect.map(
    Effect.zipWith(Setting.read(name.toLowerCase()), Setting.read(name), (small, large) => small ?? large ?? ""),
    (text) => text.trim()
  )

const refuse = (path: string, message: string) => new Validation({ issues: [{ path, message }] })

/** As curl takes it: the scheme may be left out. The value may hold a password and is never shown. */
const addressOf = (name: string, value: string) => {
  const url = value === "" || value.includes("://") ? value : `http://${value}`
  return url === "" || (/^https?:/i.test(url) && URL.canParse(url))
    ? Effect.succeed(url)
    : Effect.fail(refuse(name, "is no address of a proxy, such as http://proxy.example:3128"))
}

/** Whether a list of hosts has this one, by the rules of the agent below: a port or a star may be given, and a name means all under it. */
export const isExempt = ({ hostname, port, protocol }: URL, list: string): boolean => {
  const host = hostname.replace(/^\[(.+)\]$/, "$1").replace(/\.$/, "")
  const ownPort = port || (protocol === "https:" ? "443" : "80")
  return list.toLowerCase().split(/[,\s]+/).filter((entry) => entry !== "").some((entry) => {
    // an IPv6 address without brackets has no port
    const [, name = entry, onlyPort = ownPort] = /^(\[.+\]|[^:]+)(?::(\d+))?$/.exec(entry) ?? []
    if (onlyPort !== ownPort) return false
    const parent = name.replace(/^\[(.+)\]$/, "$1").replace(/^\*?\./, "").replace(/\.$/, "")
    return name === "*" || (host === parent && !name.startsWith("*")) || host.endsWith(`.${parent}`)
  })
}

const option = "--use-env-proxy"
const nodeCan = process.allowedNodeEnvironmentFlags.has(option)

/** Whether Node was told to use the proxies by itself, as it can from 22.21 and 24.5 on: then its rules hold, and nothing is loaded. */
const nodeDoes = Effect.gen(function*() {
  const options = `${(yield* Setting.read("NODE_OPTIONS")) ?? ""} ${process.execArgv.join(" ")}`
  return nodeCan && ((yield* Setting.read("NODE_USE_ENV_PROXY")) === "1" || options.split(/\s+/).includes(option))
})

const missing = (name: string, host: string) =>
  refuse(
    name,
    `names a proxy, and requests through it (to ${host}) need a package that is not installed: run ` +
      "`npm install @effect/platform-node` where effect-atlas is installed, or set NODE_USE_ENV_PROXY=1" +
      `${nodeCan ? "" : " and use Node.js 22.21, 24.5 or newer"}; nothing was sent`
  )

/** Makes ready for one request; refuses it before anything is sent where its proxy cannot be used. */
const prepare = (load: (options: Readonly<Record<string, string>>) => Promise<void>) =>
  Effect.fnUntraced(function*(url: URL) {
    const httpProxy = yield* read("HTTP_PROXY")
    const httpsProxy = yield* read("HTTPS_PROXY")
    const noProxy = `${yield* read("NO_PROXY")},${ownMachine}`
    const name = url.protocol === "https:" && httpsProxy !== "" ? "HTTPS_PROXY" : "HTTP_PROXY"
    const proxy = name === "HTTPS_PROXY" ? httpsProxy : httpProxy
    if (proxy === "" || isExempt(url, noProxy) || (yield* nodeDoes)) return
    const options = {
      // an empty text keeps it from reading the environment by itself
      httpProxy: yield* addressOf("HTTP_PROXY", httpProxy),
      httpsProxy: yield* addressOf("HTTPS_PROXY", httpsProxy),
      noProxy
    }
    yield* Effect.tryPromise({ try: () => load(options), catch: () => missing(name, url.host) })
  }, Effect.catchTag("ConfigError", ({ message }) => Effect.fail(refuse("environment", message))))

/**
 * Node's own fetch, through the proxies that the environment names. What they need is loaded with the first request through one, so
 * that a command that sends nothing through them works without it.
 */
export const layer: Layer.Layer<HttpClient.HttpClient> = Layer.effect(
  HttpClient.HttpClient,
  Effect.gen(function*() {
    let loaded: Promise<void> | undefined
    const ready = prepare((options) =>
      // only users behind a proxy need it, and it is as large as everything else of the command
      loaded ??= import("@effect/platform-node/Undici").then((
        { default: { EnvHttpProxyAgent, setGlobalDispatcher } }
      ) => setGlobalDispatcher(new EnvHttpProxyAgent(options)))
    )
    const check = (request: HttpClientRequest.HttpClientRequest) =>
      URL.canParse(request.url)
        ? Effect.mapBoth(ready(new URL(request.url)), {
          onSuccess: () => request,
          onFailure: (cause) =>
            new HttpClientError.HttpClientError({ reason: new HttpClientError.TransportError({ request, cause }) })
        })
        : Effect.succeed(request)
    return HttpClient.mapRequestEffect(yield* HttpClient.HttpClient, check)
  })
).pipe(Layer.provide(FetchHttpClient.layer))
