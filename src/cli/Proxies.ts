/**
 * HTTP through a proxy, where the environment names one: `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, in small letters first.
 */
import * as Effect from "effect/Effect"
import { type AtlasError, invalid } from "../domain/AtlasError.ts"
import { Shell } from "./Shell.ts"

/** No proxy reaches what runs on this very machine. */
const ownMachine = "localhost,127.0.0.1,[::1]"

/** As curl takes it: the scheme may be left out. The value may hold a password and is never shown. */
const read = (name: string) =>
  Effect.gen(function*() {
    const { variable } = yield* Shell
    const value = (variable(name.toLowerCase()) || variable(name) || "").trim()
    const url = value === "" || value.includes("://") ? value : `http://${value}`
    if (url === "" || (/^https?:/i.test(url) && URL.canParse(url))) return url
    return yield* invalid("connect", [{
      path: name,
      message: "is no address of a proxy, such as http://proxy.example:3128"
    }])
  })

/** Sends every request of this process through the proxies that the environment names; loads nothing where it names none. */
export const install: Effect.Effect<void, AtlasError, Shell> = Effect.gen(function*() {
  const { variable } = yield* Shell
  const httpProxy = yield* read("HTTP_PROXY")
  const httpsProxy = yield* read("HTTPS_PROXY")
  const exempt = (variable("no_proxy") ?? variable("NO_PROXY") ?? "").trim()
  if ((httpProxy === "" && httpsProxy === "") || exempt === "*") return
  const { default: { EnvHttpProxyAgent, setGlobalDispatcher } } = yield* Effect.tryPromise({
    try: () => import("@effect/platform-node/Undici"),
    // only users behind a proxy need it, and it is as large as everything else of the command
    catch: () =>
      invalid("connect", [{
        path: httpsProxy === "" ? "HTTP_PROXY" : "HTTPS_PROXY",
        message: "names a proxy, and requests through it need a package that is not installed: run " +
          "`npm install @effect/platform-node` where effect-atlas is installed, or unset the variable"
      }])
  })
  // an empty text keeps it from reading the environment by itself
  setGlobalDispatcher(new EnvHttpProxyAgent({ httpProxy, httpsProxy, noProxy: `${exempt},${ownMachine}` }))
})
