/**
 * `atlas job`: work for serverless endpoints.
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { actionWithProviders } from "../Action.ts"
import { callOptions, duration, toggle } from "../Flags.ts"

const jobs = () => import("../actions/jobs.ts")
const runSubmit = actionWithProviders(async () => (await jobs()).run)
const runGet = actionWithProviders(async () => (await jobs()).get)
const runCancel = actionWithProviders(async () => (await jobs()).cancel)
const runWait = actionWithProviders(async () => (await jobs()).wait)
const runStream = actionWithProviders(async () => (await jobs()).stream)

const endpoint = Argument.String("endpoint").pipe(Argument.withDescription("Id of the serverless endpoint"))
const id = Argument.String("id").pipe(Argument.withDescription("Id of the job"))

const runtimeUrl = Flag.String("runtime-url").pipe(
  Flag.withMetavar("URL"),
  Flag.withDescription("Where the provider's job API is; default: --base-url, if given"),
  Flag.optional
)

const timeout = (meaning: string) =>
  Flag.String("timeout").pipe(Flag.withMetavar("TIME"), Flag.withDescription(meaning), duration, Flag.optional)

/** The options of a call that talks to nothing but the job API, so that no key is sent to an address that the user did not name. */
const jobCall = (typed: Option.Option<string>) =>
  Effect.map(callOptions, (call) => {
    const url = Option.getOrElse(typed, () => call.baseUrl)
    return url === undefined ? call : { ...call, options: { runtimeBaseUrl: url } }
  })

const target = { endpoint, id, runtimeUrl }

const run = Command.make("run", {
  endpoint,
  input: Flag.String("input").pipe(
    Flag.withMetavar("JSON|@FILE|-"),
    Flag.withDescription("What the worker gets: JSON, a file of it, or stdin (default: {})"),
    Flag.optional
  ),
  sync: toggle("sync").pipe(Flag.withDescription("Wait for its end")),
  timeout: timeout("With --sync, how long the job may take (default: 30s); without, how long submitting may"),
  runtimeUrl
}, ({ runtimeUrl, ...input }) => Effect.flatMap(jobCall(runtimeUrl), (call) => runSubmit({ ...input, call }))).pipe(
  Command.withDescription("Submit a job. It is sent once: a lost answer fails as uncertain, since it may be running."),
  Command.withShortDescription("Submit a job"),
  Command.withExamples([
    {
      command: `atlas job run ep1 --input '{"prompt":"hello"}' --sync --timeout 2m`,
      description: "Wait for the answer"
    },
    { command: "atlas job run ep1 --input @job.json", description: "Leave it running" }
  ])
)

const get = Command.make(
  "get",
  target,
  ({ runtimeUrl, ...job }) => Effect.flatMap(jobCall(runtimeUrl), (call) => runGet({ ...job, call }))
).pipe(
  Command.withDescription("Show a job as its provider sees it now."),
  Command.withShortDescription("Show a job"),
  Command.withExamples([{ command: "atlas job get ep1 JOB", description: "Its status, and its output if it is done" }])
)

const cancel = Command.make(
  "cancel",
  target,
  ({ runtimeUrl, ...job }) => Effect.flatMap(jobCall(runtimeUrl), (call) => runCancel({ ...job, call }))
).pipe(
  Command.withDescription("Cancel a job, and show it as it then is."),
  Command.withShortDescription("Cancel a job"),
  Command.withExamples([{ command: "atlas job cancel ep1 JOB", description: "Stop a job that is not needed" }])
)

const wait = Command.make(
  "await",
  { ...target, timeout: timeout("Give up after 500ms, 90s, 5m, 1h, ... (default: never)") },
  ({ runtimeUrl, ...job }) => Effect.flatMap(jobCall(runtimeUrl), (call) => runWait({ ...job, call }))
).pipe(
  Command.withDescription("Wait until a job has completed; fails if it ends otherwise."),
  Command.withShortDescription("Wait for a job"),
  Command.withExamples([{ command: "atlas job await ep1 JOB --timeout 10m", description: "Ten minutes at most" }])
)

const stream = Command.make(
  "stream",
  { ...target, timeout: timeout("Give up after 500ms, 90s, 5m, 1h, ... (default: never)") },
  ({ runtimeUrl, ...job }) => Effect.flatMap(jobCall(runtimeUrl), (call) => runStream({ ...job, call }))
).pipe(
  Command.withDescription("Print what a job puts out, as it comes; fails if it does not complete."),
  Command.withShortDescription("Follow what a job puts out"),
  Command.withExamples([{ command: "atlas job stream ep1 JOB --json", description: "An object a line" }])
)

export const job = Command.make("job").pipe(
  Command.withDescription("Run jobs on serverless endpoints."),
  Command.withExamples([
    { command: "atlas job run ep1 --provider runpod --input @job.json --sync", description: "Submit and wait" }
  ]),
  Command.withSubcommands([run, get, cancel, wait, stream])
)
