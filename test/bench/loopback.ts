/**
 * RunPod as canned answers on a loopback port, in a process of its own, so that what a benchmark measures is its caller.
 *
 * It reads nothing and computes nothing: the fake of the tests does more work than the clients it would be measured with.
 */
import { fork } from "node:child_process"
import { createServer } from "node:http"
import { text } from "node:stream/consumers"

const pod = (index: number) => ({
  id: `pod${String(index).padStart(11, "0")}`,
  name: `atlas-bench-trainer-abcdefgh${String(1000 + index % 1000).replaceAll(/[0189]/g, "2")}`,
  status: "RUNNING",
  actions: ["stop", "restart", "terminate"],
  image: "runpod/pytorch:2.8.0-py3.11-cuda12.8.1-cudnn-devel-ubuntu22.04",
  args: "",
  disk: 50,
  ports: ["8888/http", "8000/http", "22/tcp"],
  env: { MODEL: "small", TOKEN: "a-word-that-must-not-be-read" },
  registry: null,
  mounts: { persistent: { size: 20, path: "/workspace" } },
  gpu: { id: "NVIDIA H100 80GB HBM3", count: 1, vcpuCount: 16, memory: 188 },
  cloud: "SECURE",
  dataCenterId: "EU-RO-1",
  cudaVersion: "12.8",
  ssh: {
    proxy: { host: "ssh.runpod.io", port: 22, username: "pod-64411a", command: "ssh pod-64411a@ssh.runpod.io" },
    direct: { host: "203.0.113.7", port: 13007, username: "root", command: "ssh root@203.0.113.7 -p 13007" }
  },
  template: null,
  cost: 2.99,
  locked: false,
  globalNetworking: { enabled: false },
  runtime: {
    uptime: 3600,
    gpus: [{ util: 93, memoryUtil: 71 }],
    cpu: { util: 12 },
    memory: { util: 40 },
    ports: [{ private: 22, public: 13007, type: "tcp", ip: "203.0.113.7" }]
  },
  createdAt: "2026-11-20T10:00:00Z",
  startedAt: "2026-11-20T10:01:30Z"
})

const pageSize = 1000
/** Pods of the account, ten pages of them. */
export const pods = 10_000
/** What one job puts out, in one answer. */
export const items = 10_000

const page = (from: number): string =>
  JSON.stringify({
    pods: Array.from({ length: pageSize }, (_, index) => pod(from + index)),
    pagination: from + pageSize < pods
      ? { nextCursor: String(from + pageSize), hasNextPage: true }
      : { nextCursor: null, hasNextPage: false }
  })

/** The answers by method and path, below the base URL. */
export const answers = (): ReadonlyMap<string, Buffer> =>
  new Map([
    ["GET pods/pod00000000000", JSON.stringify(pod(0))],
    ["GET pods", page(0)],
    ...Array.from({ length: pods / pageSize - 1 }, (_, index): [string, string] => {
      const from = (index + 1) * pageSize
      return [`GET pods?cursor=${from}`, page(from)]
    }),
    [
      "GET bench/status/job-1",
      JSON.stringify({ id: "job-1", status: "COMPLETED", output: { text: "ok" }, executionTime: 90, delayTime: 12 })
    ],
    [
      "GET bench/stream/job-1",
      JSON.stringify({
        status: "COMPLETED",
        stream: Array.from(
          { length: items },
          (_, index) => ({ output: { index, text: `token ${index}`, done: false } })
        )
      })
    ]
  ].map(([path, body]) => [path ?? "", Buffer.from(body ?? "")]))

/** What RunPod says with every answer. */
export const headersOf = (body: Buffer) => ({
  "content-type": "application/json",
  "content-length": String(body.byteLength),
  "ratelimit": "\"minute\";r=999999999;t=60",
  "ratelimit-policy": "\"minute\";q=1000000000;w=60"
})

const newPod = JSON.stringify({ ...pod(0), id: "ID", name: "NAME", status: "PROVISIONING", runtime: null })
let created = 0

/** The answer to a create: a pod of its own, with the name that was asked for. */
export const answerOf = (request: string): Buffer =>
  Buffer.from(
    newPod.replace("NAME", /"name":"([^"]*)"/.exec(request)?.[1] ?? "").replace("ID", `pod${++created}`)
  )

const listen = (): void => {
  const known = answers()
  const server = createServer(async (request, response) => {
    const asked = `${request.method} ${request.url?.replace("/v2/", "")}`
    const isCreate = asked === "POST pods"
    const body = isCreate ? answerOf(await text(request)) : known.get(asked)
    response.writeHead(isCreate ? 201 : body === undefined ? 404 : 200, headersOf(body ?? Buffer.from("")))
    response.end(body)
  })
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    process.send?.(typeof address === "object" && address !== null ? address.port : 0)
  })
  // the benchmark that started it is gone
  process.on("disconnect", () => process.exit())
}

/** Starts it for the time of an action, which gets the base URL of both APIs. */
export const whileServing = async (use: (baseUrl: string) => Promise<void>): Promise<void> => {
  const server = fork(import.meta.filename)
  try {
    const port = await new Promise<unknown>((resolve, reject) => {
      server.once("message", resolve).once("exit", () => reject(new Error("the loopback server ended")))
    })
    await use(`http://127.0.0.1:${port}/v2`)
  } finally {
    server.disconnect()
  }
}

if (import.meta.main) listen()
