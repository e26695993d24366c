/**
 * No secret of a session is in its database: every byte of the file and its log is searched for marked values.
 */
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as fs from "node:fs"
import { join } from "node:path"
import * as Orchestrator from "../../../src/orchestrator/Orchestrator.ts"
import { SessionStore } from "../../../src/orchestrator/SessionStore.ts"
import * as Mock from "../../support/mock.ts"
import { secretOf } from "../../support/secrets.ts"
import * as harness from "./harness.ts"

const canary = "canary-9b27"

const request = {
  name: "alice",
  image: "busybox",
  auth: "bearer",
  env: { PLAIN: `${canary}-plain`, SEALED: Redacted.make(`${canary}-sealed`) },
  providerOpts: {
    costPerHour: 1,
    registry: { user: "me", password: `${canary}-password` },
    keys: [{ apiKey: `${canary}-key` }],
    uploadToken: `${canary}-token`,
    presignedUrl: `https://example.test/?sig=${canary}-url`
  }
} as const

it.live(
  "what is secret in a request, and the token it got, are in no byte of the database",
  () =>
    Effect.gen(function*() {
      const directory = yield* harness.directory
      const filename = join(directory, "sessions.db")
      const bytes = () =>
        fs.readdirSync(directory).map((file) => fs.readFileSync(join(directory, file), "latin1")).join("\n")
      const layer = Orchestrator.layer({ owner: harness.team }).pipe(
        Layer.provideMerge(Layer.merge(Mock.layer(), harness.fileStore(filename)))
      )
      yield* Effect.gen(function*() {
        const session = yield* Orchestrator.spawn(request, { userId: "alice-the-user", persist: true })
        const task = yield* Orchestrator.runTask({ ...request, command: ["true"] }, { userId: "bob-the-user" })
        const secrets = [session, task].flatMap(({ auth }) => auth === null ? [] : [secretOf(auth)])
        assert.strictEqual(secrets.length, 2)
        yield* Orchestrator.touch(session.id)
        yield* Orchestrator.stopTracked(session.id)
        const stored = bytes()
        // public values are there, so the right bytes are searched
        for (const plain of ["alice-the-user", "bob-the-user", "SEALED", "registry.password"]) {
          assert.include(stored, plain)
        }
        for (const secret of [canary, ...secrets]) {
          assert.notInclude(stored, secret)
        }
      }).pipe(Effect.provide(layer))
      const after = yield* SessionStore.use((store) => store.load(harness.team)).pipe(
        Effect.provide(harness.fileStore(filename))
      )
      assert.strictEqual(after.sessions.length, 2)
      assert.notInclude(bytes(), canary)
    }).pipe(Effect.scoped),
  60_000
)
