/**
 * Commands behind a proxy: every request goes through the one that the environment names, and its password is never printed.
 */
import { afterEach, assert, beforeEach, describe, it } from "@effect/vitest"
import * as http from "node:http"
import type { AddressInfo } from "node:net"
import { type Home, makeHome } from "./harness.ts"

const password = "canary-5e1f"
const key = "rpa_canary-1f2e3d4c"

let home: Home
let asked: Array<string>
let proxy: http.Server
let address: string

/** Answers in place of the host, and opens no tunnel. */
beforeEach(async () => {
  home = makeHome()
  asked = []
  const seen = ({ headers, method, url }: http.IncomingMessage) =>
    asked.push(`${method} ${url} ${headers["proxy-authorization"] ?? "without a password"}`)
  proxy = http.createServer((request, response) => {
    seen(request)
    response.writeHead(401, { "content-type": "application/json" }).end("{}")
  })
  proxy.on("connect", (request, socket) => {
    seen(request)
    socket.end("HTTP/1.1 403 Forbidden\r\n\r\n")
  })
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve))
  address = `127.0.0.1:${(proxy.address() as AddressInfo).port}`
})
afterEach(async () => {
  proxy.closeAllConnections()
  proxy.close()
  await home.close()
})

const password64 = `Basic ${Buffer.from(`me:${password}`).toString("base64")}`

/** Hides the package that a proxy needs, as where only the command is installed. */
const hiding = `import { registerHooks } from "node:module"
registerHooks({
  resolve: (name, context, next) => {
    if (name.startsWith("@effect/platform-node")) throw new Error(name + " is not installed")
    return next(name, context)
  }
})`
const hidden = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(hiding)}` }

/** Lists the pods of an account at this address. */
const ps = async (baseUrl: string, env: Readonly<Record<string, string>>, ...flags: ReadonlyArray<string>) => {
  const { code, stderr, stdout } = await home.run(
    ["ps", "--provider", "runpod", "--base-url", baseUrl, "--json", ...flags],
    { RUNPOD_API_KEY: key, ...env }
  )
  assert.notInclude(stdout + stderr, password)
  assert.strictEqual(code, 1)
  return stderr
}

describe("a proxy that the environment names", () => {
  it.each(["HTTP_PROXY", "http_proxy"])("%s is asked for a host behind http", async (name) => {
    const stderr = await ps("http://runpod.test/v2", { [name]: `http://me:${password}@${address}` })
    assert.deepStrictEqual(asked, [`GET http://runpod.test/v2/pods ${password64}`])
    assert.strictEqual(JSON.parse(stderr).error.kind, "unauthorized")
  })

  it.each(["https_proxy"])("%s is asked for a tunnel to a host behind https", async (name) => {
    await ps("https://runpod.test/v2", { [name]: `me:${password}@${address}` }, "--log-level", "debug")
    assert.include(asked, `CONNECT runpod.test:443 ${password64}`)
    assert.deepStrictEqual(asked.filter((line) => !line.startsWith("CONNECT runpod.test:443")), [])
  })

  it.each(["NO_PROXY", "no_proxy"])(
    "%s names hosts that it is not asked for, and this machine is never one",
    async (name) => {
      const env = { HTTP_PROXY: `http://me:${password}@${address}` }
      await ps("http://runpod.invalid/v2", { ...env, [name]: "example.com,.invalid" })
      assert.deepStrictEqual(asked, [])
      await ps(`http://${address}/v2`, env)
      assert.deepStrictEqual(asked, ["GET /v2/pods without a password"])
    }
  )

  it("whose address cannot be read fails the command, without a word of it", async () => {
    const stderr = await ps("http://runpod.test/v2", { HTTP_PROXY: `socks5://me:${password}@${address}` })
    assert.deepNestedInclude(JSON.parse(stderr).error, { kind: "validation", "issues[0].path": "HTTP_PROXY" })
    assert.deepStrictEqual(asked, [])
  })
})

describe("without the package that a proxy needs", () => {
  const behind = () => ({ ...hidden, HTTP_PROXY: `http://${address}`, HTTPS_PROXY: `http://me:${password}@${address}` })

  it("a command that sends nothing through the proxy works", async () => {
    const local = await home.run(["ps", "--provider", "local", "--json"], behind())
    assert.deepStrictEqual(local, { code: 0, stdout: "[]\n", stderr: "" })
    const stderr = await ps("https://runpod.invalid/v2", { ...behind(), NO_PROXY: "example.com,.invalid" })
    assert.strictEqual(JSON.parse(stderr).error.kind, "transport")
    assert.deepStrictEqual(asked, [])
    await ps(`http://${address}/v2`, behind())
    assert.deepStrictEqual(asked, ["GET /v2/pods without a password"])
  })

  it.each([
    ["a listing", "ps --provider runpod --base-url https://runpod.test/v2"],
    ["a create", "up --provider runpod --base-url https://runpod.test/v2 --image nginx --gpu rtx_4090 --detach"],
    ["a page of a log", "fly logs shape --base-url https://fly.test"],
    ["a log that is followed", "fly logs shape --follow --base-url https://fly.test"]
  ])(
    "%s that would go through it fails before anything is sent, and names the variable and the fix",
    async (_, line) => {
      const { code, stderr } = await home.run([...line.split(" "), "--json"], {
        ...behind(),
        RUNPOD_API_KEY: key,
        FLY_API_TOKEN: "fm2_canary"
      })
      assert.deepStrictEqual([code, asked], [1, []])
      const { error } = JSON.parse(stderr)
      assert.deepNestedInclude(error, { kind: "validation", "issues[0].path": "HTTPS_PROXY" })
      assert.include(error.message, "npm install @effect/platform-node")
      assert.include(error.message, "NODE_USE_ENV_PROXY=1")
      assert.notProperty(error, "computeId")
      assert.notInclude(stderr, password)
    }
  )

  it("NODE_USE_ENV_PROXY=1 has Node ask the proxy by itself", async () => {
    await ps("https://runpod.test/v2", { ...behind(), NODE_USE_ENV_PROXY: "1" })
    assert.include(asked, `CONNECT runpod.test:443 ${password64}`)
  })
})
