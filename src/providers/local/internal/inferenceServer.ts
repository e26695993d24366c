/**
 * The bundled example server, `builtin:inference-server`: it checks its key on every request, as yours should.
 *
 * `GET /health` says that it is up, `POST /generate` with `{"prompt": "..."}` answers with the words in reverse. Every
 * process of the machine can reach a compute's port, so every path needs `Authorization: Bearer <token>` where a token was minted.
 */
import { createHash, timingSafeEqual } from "node:crypto"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"

const bodyLimit = 64 * 1024
const { ATLAS_PRESHARED_KEY: key = "", HOST: host = "127.0.0.1" } = process.env
const ports = Object.entries(process.env).filter(([name]) => /^ATLAS_PORT_\d+$/.test(name)).map(([, value]) => value)

const digest = (text: string) => createHash("sha256").update(text).digest()

/** Compares digests, which are of one length whatever was sent, in constant time. */
const mayPass = (request: IncomingMessage): boolean => {
  const [, token = ""] = /^Bearer (.+)$/i.exec(request.headers.authorization ?? "") ?? []
  return key === "" || timingSafeEqual(digest(token), digest(key))
}

const readBody = async (request: IncomingMessage): Promise<string | null> => {
  const chunks: Array<Buffer> = []
  let size = 0
  for await (const chunk of request) {
    const bytes = Buffer.from(chunk)
    size += bytes.length
    if (size > bodyLimit) return null
    chunks.push(bytes)
  }
  return Buffer.concat(chunks).toString("utf8")
}

const promptOf = (body: string): string | null => {
  try {
    const parsed: unknown = JSON.parse(body)
    return typeof parsed === "object" && parsed !== null && "prompt" in parsed && typeof parsed.prompt === "string"
      ? parsed.prompt
      : null
  } catch {
    return null
  }
}

const answer = async (request: IncomingMessage): Promise<readonly [status: number, body: unknown]> => {
  if (!mayPass(request)) return [401, { error: "give the token as Authorization: Bearer <token>" }]
  const path = (request.url ?? "/").split("?")[0]
  if (request.method === "GET" && path === "/health") return [200, { status: "ok" }]
  if (request.method !== "POST" || path !== "/generate") return [404, { error: "GET /health or POST /generate" }]
  const body = await readBody(request)
  if (body === null) return [413, { error: `at most ${bodyLimit} bytes` }]
  const prompt = promptOf(body)
  if (prompt === null) return [400, { error: "give {\"prompt\": \"...\"}" }]
  return [200, { text: prompt.split(/\s+/).toReversed().join(" ") }]
}

const serve = (request: IncomingMessage, response: ServerResponse): void => {
  void answer(request).catch(() => [500, { error: "failed" }] as const).then(([status, body]) => {
    process.stdout.write(`${request.method} ${(request.url ?? "/").split("?")[0]} ${status}\n`)
    response.writeHead(status, {
      "content-type": "application/json",
      ...(status === 401 ? { "www-authenticate": "Bearer" } : {})
    })
    response.end(`${JSON.stringify(body)}\n`)
  })
}

const servers = ports.map((port) =>
  createServer(serve).listen(Number(port), host, () => process.stdout.write(`listening on ${host}:${port}\n`))
)
process.once("SIGTERM", () => {
  process.stdout.write("bye\n")
  for (const server of servers) {
    server.close()
    server.closeAllConnections()
  }
})
