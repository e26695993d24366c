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
    assert.deepInclude(JSON.parse(stderr).error, { kind: "validation", operation: "connect" })
    assert.deepStrictEqual(asked, [])
  })
})
