/**
 * Every command of a provider whose every text is hostile: nothing that a terminal obeys is printed, and JSON keeps the exact value.
 */
import { assert, describe, it } from "@effect/vitest"
import { Compute, Ids, Provider } from "effect-atlas"
import { ProviderFault } from "effect-atlas/domain/AtlasError"
import { PortBinding } from "effect-atlas/domain/Compute"
import { GpuType } from "effect-atlas/domain/Gpu"
import { Job } from "effect-atlas/domain/Job"
import { LogElement } from "effect-atlas/domain/LogElement"
import { Endpoint, NetworkVolume, Template } from "effect-atlas/domain/Resources"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { passWhile } from "../../src/testing/TestTime.ts"
import { allOfIt as text, obeyed } from "../support/hostile.ts"
import { run } from "./harness.ts"

const provider = Ids.ProviderId.make("evil")
const id = Ids.ComputeId.make("evil-1")
const raw = null

const compute = (name: string | null) =>
  new Compute.Compute({
    id,
    provider,
    status: "running",
    name,
    ports: [new PortBinding({ internal: 80, external: null, protocol: "http", url: text })],
    gpuType: text,
    region: text,
    image: text,
    failure: text
  })

const job = new Job({
  id: text,
  provider,
  endpoint: text,
  status: "failed",
  output: { [text]: text },
  error: text,
  executionTime: Duration.millis(1),
  delayTime: Duration.millis(29_998),
  createdAt: null,
  raw
})
const volume = new NetworkVolume({ id: text, provider, name: text, sizeGb: 1, region: text, raw })
const template = new Template({ id: text, provider, name: text, image: text, serverless: false, raw })
const endpoint = new Endpoint({
  id: text,
  provider,
  name: text,
  type: null,
  workersMin: 0,
  workersMax: 1,
  gpuPools: [text],
  regionHints: [text],
  networkVolumeIds: [text],
  createdAt: null,
  raw
})

const fault = new ProviderFault({ message: text })

const evil = Provider.make({
  id: "evil",
  compute: {
    spawn: ({ name }) => Effect.succeed(compute(name)),
    get: () => Effect.succeed(compute(text)),
    list: () => Effect.succeed([compute(text)]),
    terminate: () => Effect.fail(fault)
  },
  power: { stop: () => Effect.fail(fault), start: () => Effect.void },
  gpus: { list: () => Effect.succeed([new GpuType({ id: text, provider, displayName: text })]) },
  logs: { stream: () => Stream.make(new LogElement({ cursor: text, at: null, stream: text, text })) },
  jobs: {
    submit: () => Effect.succeed(job),
    get: () => Effect.succeed(job),
    cancel: () => Effect.void,
    chunk: () => Effect.succeed({ items: [text, { [text]: text }], status: "failed", error: text })
  },
  volumes: {
    list: () => Effect.succeed([volume]),
    get: () => Effect.succeed(volume),
    create: () => Effect.succeed(volume),
    delete: () => Effect.void
  },
  templates: {
    list: () => Effect.succeed([template]),
    get: () => Effect.succeed(template),
    create: () => Effect.fail(fault),
    delete: () => Effect.void
  },
  endpoints: {
    list: () => Effect.succeed([endpoint]),
    get: () => Effect.succeed(endpoint),
    delete: () => Effect.fail(fault)
  },
  billing: { spend: () => Effect.fail(fault) }
})

/** What a user may paste. */
const typed = "web\u001b[2J\u202e\u009b1A-1"

/** Every command that prints what a provider or a user wrote, and the exit code of each. */
const commands: ReadonlyArray<readonly [code: number, ...args: ReadonlyArray<string>]> = [
  [0, "ps"],
  [0, "get", id],
  [0, "await", id],
  [0, "logs", id],
  [0, "up", "--image", "me/server", "--detach"],
  [1, "stop", id],
  [0, "start", id],
  [1, "down", id],
  [0, "gpus"],
  [0, "reap", "--dry-run"],
  [1, "spend", id],
  [1, "job", "run", "fast", "--input", "{}", "--sync"],
  [0, "job", "get", "fast", typed],
  [0, "job", "cancel", "fast", typed],
  [1, "job", "await", "fast", typed],
  [1, "job", "stream", "fast", "1"],
  [0, "volumes", "ls"],
  [0, "volumes", "get", typed],
  [0, "volumes", "rm", typed],
  [0, "templates", "ls"],
  [1, "templates", "create", "--name", "a", "--image", "b"],
  [0, "endpoints", "ls"],
  [1, "endpoints", "rm", typed],
  [1, "get", typed],
  [2, "get", id, `--${typed}`],
  [2, typed],
  [2, "job", "run", "fast", "--input", `@${typed}`],
  [1, "fly", "deploy", typed]
]

/** Without our own colours, which are there to be obeyed. */
// oxlint-disable-next-line no-control-regex -- these are what is looked for
const withoutOwn = (printed: string): string => printed.replaceAll(/\u001b\[(?:1|22|3[1-6]|39)m/g, "")

describe("nothing that a terminal obeys is printed by", () => {
  it.effect.each(commands)("%s %s %s", ([code, ...args]) =>
    Effect.gen(function*() {
      const surroundings = { providers: [evil], terminal: true, colour: true }
      const seen = yield* passWhile(run(args, surroundings))
      assert.strictEqual(seen.code, code, seen.err)
      for (const printed of [seen.out, seen.err]) {
        assert.notMatch(withoutOwn(printed).replaceAll(/[\n\t]/g, ""), obeyed)
      }
      const piped = yield* passWhile(run([...args, "--json"], surroundings))
      assert.strictEqual(piped.code, code, piped.err)
      for (const printed of [piped.out, piped.err]) {
        assert.notMatch(printed.replaceAll("\n", ""), obeyed)
        // an array that is printed while it is read has an element a line
        for (const line of printed.startsWith("[") ? [printed] : printed.split("\n")) {
          if (line !== "") JSON.parse(line)
        }
      }
    }))
})

it.effect("JSON keeps the exact text, escaped", () =>
  Effect.gen(function*() {
    const seen = yield* run(["ps", "--json"], { providers: [evil] })
    // half a character is no text that could be kept
    assert.strictEqual(JSON.parse(seen.out)[0].name, text)
    const lines = yield* run(["logs", id, "--json"], { providers: [evil] })
    assert.strictEqual(JSON.parse(lines.out)[0].text, text)
  }))
