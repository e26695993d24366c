/**
 * What `atlas demo` does: an orchestrator on this machine, used, killed in the middle and started again, with proof at each
 * step. It lives in a directory of its own and leaves nothing.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as net from "node:net"
import * as Atlas from "../../../Atlas.ts"
import { AtlasError, Transport } from "../../../domain/AtlasError.ts"
import { ProviderId } from "../../../domain/Ids.ts"
import * as TimeSpan from "../../../domain/TimeSpan.ts"
import { localIn } from "../../providers.ts"
import { Shell } from "../../Shell.ts"
import * as Child from "./child.ts"
import type { Answer } from "./messages.ts"

const provider = ProviderId.make("local")
const call = { provider }
const host = "127.0.0.1"

/** How long an unused session lives here: long enough to see it, short enough to wait for it. */
const idleTtl = Duration.seconds(3)

/** Far longer than a server on this machine needs. */
const patience = Duration.seconds(8)

/** What the local provider reports of a compute besides its fields. */
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
const ask = (url: string, authorization: string | null) =>
  Effect.tryPromise({
    try: async (signal) => {
      const headers = authorization === null ? {} : { authorization }
      const response = await fetch(`${url}/health`, { headers, signal, redirect: "error" })
      await response.arrayBuffer()
      return response.status
    },
    catch: unreachable
  }).pipe(Effect.timeoutOrElse({ duration: patience, orElse: () => Effect.fail(unreachable(undefined)) }))

/** Whether anything runs in a process group. A dead process whose parent has not collected it yet does not run. */
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

/** A user's session: where its server is, and the token that only its caller has. */
type Session = Extract<Answer, { readonly _tag: "Spawned" }>

/** Ends every compute that is left in the directory, however the demo ended. */
const endAll = Effect.gen(function*() {
  const left = yield* Atlas.listCompute({}, call)
  yield* Effect.forEach(left, ({ id }) => Atlas.end(id, call), { concurrency: "unbounded", discard: true })
}).pipe(Effect.retry({ times: 2 }))

/** Everything that a session may leave on this machine. */
const traceOf = (computeId: string) =>
  Effect.map(Atlas.getCompute(computeId, call), ({ ports, raw }) => ({ raw, port: ports[0]?.external ?? null })).pipe(
    Effect.flatMap(({ port, raw }) => Effect.map(Effect.orDie(decodeFacts(raw)), (facts) => ({ ...facts, port })))
  )

const leftovers = (
  traces: ReadonlyArray<Effect.Success<ReturnType<typeof traceOf>>>,
  processes: ReadonlyArray<number>
) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const groups = [...traces.map(({ pid }) => pid), ...processes]
    const ports = traces.flatMap(({ port }) => port === null ? [] : [port])
    return [
      ...(yield* Effect.filter(groups, isGroupAlive)).map((pid) => `process group ${pid}`),
      ...(yield* Effect.filter(ports, isListening)).map((port) => `port ${port}`),
      ...(yield* Effect.filter(
        traces.map(({ directory }) => directory),
        (directory) => Effect.orElseSucceed(fs.exists(directory), () => true)
      ))
    ]
  })

const play = (directory: string, say: (label: string, text: string) => Effect.Effect<void>) =>
  Effect.gen(function*() {
    const first = yield* Child.start(directory)
    yield* first.answered("Ready")
    yield* say("start", `an orchestrator, process ${first.pid}, its records in ${directory}`)

    const spawn = (user: string) =>
      Effect.andThen(
        first.ask({ _tag: "Spawn", user, idleTtlMs: Duration.toMillis(idleTtl) }),
        first.answered("Spawned", (answer) => answer.user === user)
      )
    const [ann, bob]: readonly [Session, Session] = yield* Effect.all([spawn("ann"), spawn("bob")], {
      concurrency: 2
    })
    for (const { computeId, url, user } of [ann, bob]) yield* say("rent", `${computeId} for ${user}, at ${url}`)
    const traces = yield* Effect.forEach([ann.computeId, bob.computeId], traceOf)

    const authorized = yield* ask(ann.url, ann.header)
    yield* say("call", `GET /health with ann's token: ${authorized}`)
    const unauthorized = yield* ask(ann.url, null)
    yield* say("call", `GET /health without it: ${unauthorized}`)
    const crossed = yield* ask(ann.url, bob.header)
    yield* say("call", `GET /health with bob's token: ${crossed}`)

    yield* first.kill
    yield* say("crash", `kill -9 ${first.pid}`)
    const alone = yield* ask(ann.url, ann.header)
    yield* say("call", `GET /health while no orchestrator runs: ${alone}`)

    const second = yield* Child.start(directory)
    const { adopted } = yield* second.answered("Ready")
    yield* say("start", `an orchestrator, process ${second.pid}: it has adopted ${adopted.length} sessions`)

    yield* second.ask({ _tag: "Leave", id: bob.id })
    yield* second.ask({ _tag: "Task", script: "echo working; exit 0" })
    const { exitCode } = yield* second.answered("TaskEnded")
    yield* say("task", `ended with exit code ${exitCode}`)

    const { reason } = yield* second.answered("SessionEnded", ({ id }) => id === bob.id)
    yield* say("idle", `bob's session has ended (${reason}), ${TimeSpan.format(idleTtl)} after its last use`)
    const { status } = yield* Atlas.getCompute(ann.computeId, call)
    const after = yield* ask(ann.url, ann.header)
    yield* say("kept", `ann's compute is ${status}, because her session is in use; GET /health: ${after}`)
    const lines = yield* Stream.runCollect(Atlas.streamLogs(ann.computeId, {}, call))
    yield* Effect.forEach(lines, ({ text }) => say("log", text), { discard: true })

    const exitedWith = yield* second.finish
    yield* say("end", "every session is ended")
    const left = yield* leftovers(traces, [first.pid, second.pid])
    yield* say("left", left.length === 0 ? "no process, no port, no directory" : left.join(", "))
    const calls = [authorized, alone, after].every((code) => code === 200) &&
      [unauthorized, crossed].every((code) => code === 401)
    const idleEnded = reason === "idle_timeout" ? 1 : 0
    return {
      isAsPromised: calls && exitedWith === 0 && left.length === 0 && lines.length > 0 && idleEnded === 1
        && adopted.length === 2 && exitCode === 0 && status === "running",
      summary: {
        provider,
        status,
        authorized,
        unauthorized,
        logLines: lines.length,
        idleEnded,
        adopted: adopted.length,
        taskExit: exitCode,
        leftover: left.length
      }
    }
  })

/** Plays every step and counts what is left. The exit code is 0 only if everything went as it should. */
export const run = (_: object) =>
  Effect.gen(function*() {
    const { exitWith, invocation, out } = yield* Shell
    const fs = yield* FileSystem.FileSystem
    const started = yield* Clock.monotonicTimeNanos
    const say = (label: string, text: string) => invocation.json ? Effect.void : out(`${label.padEnd(6)} ${text}`)
    const directory = yield* fs.makeTempDirectoryScoped({ prefix: "atlas-demo-" }).pipe(Effect.orDie)
    const told = yield* Effect.gen(function*() {
      yield* Effect.addFinalizer(() => Effect.orDie(endAll))
      return yield* Effect.scoped(play(directory, say))
    }).pipe(Effect.scoped, Effect.provide(localIn(directory)))

    const elapsed = Duration.nanos((yield* Clock.monotonicTimeNanos) - started)
    const seconds = Math.round(Duration.toMillis(elapsed) / 10) / 100
    yield* invocation.json
      ? out(JSON.stringify({ ...told.summary, seconds }))
      : say("done", `in ${seconds} s`)
    yield* exitWith(told.isAsPromised ? 0 : 1)
  }).pipe(Effect.scoped)
