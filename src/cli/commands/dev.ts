/**
 * `atlas dev`: clouds that are not there, to build and test against.
 */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { using } from "../Clouds.ts"

const fakeRunPod = using(async () => (await import("../actions/fakeRunPod.ts")).run)
const fakeFly = using(async () => (await import("../actions/fakeFly.ts")).run)

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
    { command: "atlas dev fake-runpod --fault lost-answer", description: "The first pod is made and nobody is told" }
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

export const dev = Command.make("dev").pipe(
  Command.withDescription("Clouds that are not there, to build and test against."),
  Command.withExamples([{ command: "atlas dev fake-runpod", description: "RunPod, on a free port" }]),
  Command.withSubcommands([runpod, fly])
)
