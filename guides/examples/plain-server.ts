/**
 * The library in a program that is not written with Effect: one runtime, made at the start and disposed of at the end. Here a plain
 * Node server runs a command on a machine of its own for each request.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Atlas, AtlasError, Providers } from "effect-atlas"
import * as LocalProvider from "effect-atlas/providers/LocalProvider"
import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Stream from "effect/Stream"
import { once } from "node:events"
import * as http from "node:http"

const runtime = ManagedRuntime.make(Providers.layer(LocalProvider.layer()).pipe(Layer.provide(NodeServices.layer)))

/** What a command says on a machine that is verified gone when this answers. */
const said = (command: ReadonlyArray<string>) =>
  Atlas.withCompute(
    { command },
    ({ id }) => Stream.mkString(Stream.map(Atlas.streamLogs(id, { follow: true }), ({ text }) => `${text}\n`))
  )

const server = http.createServer(async (request, response) => {
  // a client that is gone wants no machine: the signal interrupts the effect, which ends what was rented
  const gone = new AbortController()
  response.once("close", () => gone.abort())
  const command = new URL(request.url ?? "/", "http://localhost").searchParams.getAll("word")
  const exit = await runtime.runPromiseExit(said(command), { signal: gone.signal })
  if (response.destroyed) return
  if (Exit.isSuccess(exit)) return response.end(exit.value)
  const failure = Cause.squash(exit.cause)
  const known = failure instanceof AtlasError.AtlasError
  response.writeHead(known ? failure.httpStatus : 500).end(known ? failure.message : "unexpected")
})

server.listen(0, "127.0.0.1")
await once(server, "listening")
const address = server.address()
const port = typeof address === "object" && address !== null ? address.port : 0

const answer = await fetch(`http://127.0.0.1:${port}/?word=echo&word=hello`)
console.log(`${answer.status} ${(await answer.text()).trim()}`)
const refused = await fetch(`http://127.0.0.1:${port}/?word=no%00command`)
console.log(`${refused.status} ${await refused.text()}`)

// first no user can ask any more, then what is still rented is handed back
server.close()
await once(server, "close")
await runtime.dispose()
