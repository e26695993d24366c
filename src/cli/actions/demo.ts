/**
 * What `atlas demo` does: one rent on this machine from beginning to end, with proof at each step.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as net from "node:net"
import * as Atlas from "../../Atlas.ts"
import { AtlasError, Transport } from "../../domain/AtlasError.ts"
import type { Compute } from "../../domain/Compute.ts"
import { ProviderId } from "../../domain/Ids.ts"
import { Shell } from "../Shell.ts"

const provider = ProviderId.make("local")
const call = { provider }
const host = "127.0.0.1"

/** Far more than the server needs; with it the whole demo stays under 15 seconds. */
const patience = Duration.seconds(8)

/** What the local provider says of a compute beside its fields. */
const Facts = Schema.Struct({ pid: Schema.Int, directory: Schema.String })
const decodeFacts = Schema.decodeUnknownEffect(Facts)

const unreachable = (error: unknown) =>
  new AtlasError({
    provider,
    operation: "demo",
    reason: new Transport({
      message: "the server in the compute does not answer",
      causeName: error instanceof Error ? error.name : null
    })
  })

/** The status of one request to the compute's server. */
const ask = (url: string, authorization: Redacted.Redacted | null) =>
  Effect.tryPromise({
    try: async (signal) => {
      const headers = authorization === null ? {} : { authorization: Redacted.value(authorization) }
      const response = await fetch(`${url}/health`, { headers, signal, redirect: "error" })
      await response.arrayBuffer()
      return response.status
    },
    catch: unreachable
  }).pipe(Effect.timeoutOrElse({ duration: patience, orElse: () => Effect.fail(unreachable(undefined)) }))

/** Whether anything runs in a process group. A dead process that nobody has buried yet does not run. */
const isGroupAlive = (group: number) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const isKnown = yield* Effect.try({ try: () => process.kill(-group, 0), catch: () => false }).pipe(
      Effect.orElseSucceed(() => false)
    )
    if (!isKnown) return false
    const names = yield* Effect.orElseSucceed(fs.readDirectory("/proc"), () => [])
    const states = yield* Effect.forEach(
      names.filter((name) => /^\d+$/.test(name)),
      (pid) => Effect.orElseSucceed(fs.readFileString(`/proc/${pid}/stat`), () => "")
    )
    // after the name in brackets: the state, the parent, the group
    const members = states.map((stat) => stat.slice(stat.lastIndexOf(")") + 2).split(" "))
      .filter(([, , pgrp]) => Number(pgrp) === group)
    return names.length === 0 || members.some(([state]) => state !== "Z" && state !== "X")
  })

const isListening = (port: number) =>
  Effect.callback<boolean>((resume) => {
    const socket = net.connect({ host, port })
    const answer = (open: boolean) => () => {
      socket.destroy()
      resume(Effect.succeed(open))
    }
    socket.once("connect", answer(true)).once("error", answer(false))
    return Effect.sync(() => socket.destroy())
  })

const useIt = (rented: Compute, say: (label: string, text: string) => Effect.Effect<void>) =>
  Effect.gen(function*() {
    const compute = yield* Atlas.awaitReady(rented.id, { ...call, timeout: patience })
    const facts = yield* Effect.orDie(decodeFacts(compute.raw))
    const port = compute.ports[0]?.external ?? 0
    const url = compute.ports[0]?.url ?? ""
    yield* say("ready", `process group ${facts.pid} listens at ${url}`)

    const authorized = yield* ask(url, rented.auth?.header ?? null)
    yield* say("call", `GET /health with the token: ${authorized}`)
    const unauthorized = yield* ask(url, null)
    yield* say("call", `GET /health without it: ${unauthorized}`)

    const lines = yield* Stream.runCollect(Atlas.streamLogs(compute.id, {}, call))
    yield* Effect.forEach(lines, ({ text }) => say("log", text), { discard: true })

    const listed = yield* Atlas.listCompute({ name: compute.name ?? compute.id }, call)
    yield* Effect.forEach(listed, ({ id, status }) => say("list", `${id} is ${status}`), { discard: true })

    return { facts, port, status: compute.status, authorized, unauthorized, logLines: lines.length }
  })

/** Rents, uses, hands back, and counts what is left. The exit code is 0 only if everything went as it should. */
export const run = (_: object) =>
  Effect.gen(function*() {
    const { exitWith, invocation, out } = yield* Shell
    const fs = yield* FileSystem.FileSystem
    const started = yield* Clock.monotonicTimeNanos
    const say = (label: string, text: string) => invocation.json ? Effect.void : out(`${label.padEnd(6)} ${text}`)

    const request = { image: "builtin:inference-server", ports: ["8000/http"], auth: "bearer", name: "demo" } as const
    const used = yield* Atlas.withCompute(request, (compute) =>
      Effect.andThen(say("rent", `${compute.id} on this machine, with a bearer token`), useIt(compute, say)), call)
    yield* say("end", "handed back")

    const left = [
      ...((yield* isGroupAlive(used.facts.pid)) ? [`process group ${used.facts.pid}`] : []),
      ...((yield* isListening(used.port)) ? [`port ${used.port}`] : []),
      ...((yield* Effect.orElseSucceed(fs.exists(used.facts.directory), () =>
          true))
        ? [used.facts.directory]
        : [])
    ]
    yield* say("left", left.length === 0 ? "no process, no port, no directory" : left.join(", "))

    const elapsed = Duration.nanos((yield* Clock.monotonicTimeNanos) - started)
    const seconds = Math.round(Duration.toMillis(elapsed) / 10) / 100
    const { authorized, logLines, status, unauthorized } = used
    yield* invocation.json
      ? out(JSON.stringify({ provider, status, authorized, unauthorized, logLines, leftover: left.length, seconds }))
      : say("done", `in ${seconds} s`)
    const isAsPromised = authorized === 200 && unauthorized === 401 && logLines > 0 && left.length === 0
    yield* exitWith(isAsPromised ? 0 : 1)
  })
