/**
 * `atlas check`, `demo` and `dev`: trying out a provider, atlas itself, and clouds in memory.
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import { actionWithProviders } from "../Action.ts"
import { callOptions, misused, yes } from "../Flags.ts"

const runCheck = actionWithProviders(async () => (await import("../actions/check.ts")).run)
const runDemo = actionWithProviders(async () => (await import("../actions/demo/run.ts")).run)

export const check = Command.make("check", {
  provider: Argument.String("provider").pipe(Argument.withDescription("Id of the provider to check")),
  maxCost: Flag.Finite("max-cost").pipe(
    Flag.withMetavar("DOLLARS"),
    Flag.withDescription("Spend at most this much; needed wherever computes cost money"),
    Flag.filter((amount) => amount >= 0, () => "an amount of US dollars, 0 or more"),
    Flag.optional
  ),
  yes
}, (input) =>
  Effect.gen(function*() {
    const { baseUrl, provider } = yield* callOptions
    if (provider !== undefined) {
      return yield* misused("check", "name the provider once, as the argument, without --provider")
    }
    return yield* runCheck({ ...input, call: { baseUrl } })
  })).pipe(
    Command.withDescription(
      "Run the conformance suite against a provider. On anything but local and mock it rents real computes, so it asks first."
    ),
    Command.withShortDescription("Check that a provider keeps its promises"),
    Command.withExamples([
      { command: "atlas check local", description: "This machine" },
      { command: "atlas check runpod --max-cost 2 --yes", description: "A real account, for two dollars at most" }
    ])
  )

export const demo = Command.make("demo", {}, () =>
  Effect.gen(function*() {
    const { baseUrl, provider } = yield* callOptions
    if (baseUrl !== undefined || (provider !== undefined && provider !== "local")) {
      return yield* misused("demo", "the demo runs on the local provider only: leave --provider and --base-url out")
    }
    return yield* runDemo({})
  })).pipe(
    Command.withDescription(
      "Rent this machine to yourself: two users with a protected server each, one who uses it and one who leaves, a task "
        + "with an exit code, an orchestrator that is killed in the middle of it and takes over again, and nothing left."
    ),
    Command.withShortDescription("See it work, on this machine"),
    Command.withExamples([{ command: "atlas demo", description: "Takes some seconds and costs nothing" }])
  )

const fakeRunPod = actionWithProviders(async () => (await import("../actions/fakeRunPod.ts")).run)
const fakeFly = actionWithProviders(async () => (await import("../actions/fakeFly.ts")).run)

const port = Flag.Int("port").pipe(
  Flag.withMetavar("N"),
  Flag.withDescription("Port to listen on, on loopback (default: a free one)"),
  Flag.filter((port) => port >= 0 && port <= 65_535, () => "a port number"),
  Flag.withDefault(0)
)

const faults = (examples: string) =>
  Flag.String("fault").pipe(
    Flag.withMetavar("NAME"),
    Flag.withDescription(`What is to go wrong, such as ${examples}; may be repeated`),
    Flag.atLeast(0)
  )

const runpod = Command.make(
  "fake-runpod",
  { port, faults: faults("lost-answer or no-capacity") },
  fakeRunPod
).pipe(
  Command.withDescription(
    "Serve a RunPod account from memory, both of its APIs, until a signal. Prints one line of JSON once it is ready. "
      + "An unknown fault is answered with the list of them."
  ),
  Command.withShortDescription("Serve a RunPod account from memory"),
  Command.withExamples([
    { command: "atlas dev fake-runpod --port 4010", description: "Then: --base-url http://127.0.0.1:4010/v2" },
    {
      command: "atlas dev fake-runpod --fault lost-answer",
      description: "The first pod is made, and the answer is lost"
    }
  ])
)

const fly = Command.make("fake-fly", { port, faults: faults("unauthorized-once or overlap") }, fakeFly).pipe(
  Command.withDescription(
    "Serve Fly's logs from memory, both of its log hosts, with an app that keeps talking, until a signal. Prints one "
      + "line of JSON once it is ready. An unknown fault is answered with the list of them."
  ),
  Command.withShortDescription("Serve Fly's logs from memory"),
  Command.withExamples([
    {
      command: "atlas dev fake-fly --port 4011",
      description: "Then: fly logs acme-web --base-url http://127.0.0.1:4011"
    },
    { command: "atlas dev fake-fly --fault unauthorized-once", description: "The first token is refused" }
  ])
)

// the part of `atlas demo` that is killed; started by the demo only, so no help lists it
const demoOrchestrator = Command.make(
  "demo-orchestrator",
  {},
  actionWithProviders(async () => (await import("../actions/demo/orchestrator.ts")).run)
)
  .pipe(
    Command.withDescription("Orchestrate for the demo, asked by lines of JSON on stdin."),
    Command.unlisted
  )

export const dev = Command.make("dev").pipe(
  Command.withDescription("Clouds in memory, to build and test against."),
  Command.withExamples([{ command: "atlas dev fake-runpod", description: "RunPod, on a free port" }]),
  Command.withSubcommands([runpod, fly, demoOrchestrator])
)
