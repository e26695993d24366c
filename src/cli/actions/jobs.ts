/**
 * What `atlas job run`, `get`, `cancel`, `await` and `stream` do.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Atlas from "../../Atlas.ts"
import * as ForeignText from "../../domain/ForeignText.ts"
import type { Job } from "../../domain/Job.ts"
import * as TimeSpan from "../../domain/TimeSpan.ts"
import * as JobRunner from "../../jobs/JobRunner.ts"
import { Providers } from "../../provider/Providers.ts"
import { misused } from "../Flags.ts"
import { progress } from "../Progress.ts"
import { Shell } from "../Shell.ts"
import * as Table from "../Table.ts"

const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Json))

const refuse = (message: string) => misused("job run", `--input: ${message}`)

const readFile = (name: string) =>
  Effect.gen(function*() {
    const { directory } = yield* Shell
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    return yield* Effect.mapError(
      fs.readFileString(path.resolve(directory, name)),
      () => refuse(`the file ${name} cannot be read`)
    )
  })

/** The input of a job; an empty object where none is given. */
export const read = (typed: Option.Option<string>) =>
  Effect.gen(function*() {
    if (Option.isNone(typed)) return {}
    const { input } = yield* Shell
    const text = typed.value === "-"
      ? yield* input
      : typed.value.startsWith("@")
      ? yield* readFile(typed.value.slice(1))
      : typed.value
    return yield* Effect.mapError(decode(text), () =>
      refuse("this is not JSON; quote it for the shell, or name a file with it as @FILE"))
  })

interface One {
  readonly endpoint: string
  readonly id: string
  readonly call: Atlas.Options
}

const millis = (time: Duration.Duration | null): number | null => time === null ? null : Duration.toMillis(time)

const toJson = ({ delayTime, endpoint, error, executionTime, id, output, provider, status }: Job) => ({
  id,
  provider,
  endpoint,
  status,
  output,
  error,
  executionTimeMs: millis(executionTime),
  delayTimeMs: millis(delayTime)
})

const worded = (output: Schema.Json): string => typeof output === "string" ? output : JSON.stringify(output)

const length = (time: Duration.Duration | null): string | null => time === null ? null : TimeSpan.format(time)

const details = (job: Job): string =>
  Table.list([
    ["id", job.id],
    ["provider", job.provider],
    ["endpoint", job.endpoint],
    ["status", job.status],
    ["output", job.output === null ? null : worded(job.output)],
    ["error", job.error],
    ["waited", length(job.delayTime)],
    ["worked", length(job.executionTime)]
  ])

const print = (job: Job) =>
  Effect.flatMap(Shell, ({ invocation, out }) => out(invocation.json ? JSON.stringify(toJson(job)) : details(job)))

/** Submits a job; a sync one that is over without having completed is a failure. */
export const run = ({ call, endpoint, input, sync, timeout }: {
  readonly endpoint: string
  readonly input: Option.Option<string>
  readonly sync: boolean
  readonly timeout: Option.Option<Duration.Duration>
  readonly call: Atlas.Options
}) =>
  Effect.gen(function*() {
    const given = yield* read(input)
    const limit = Option.getOrUndefined(timeout)
    yield* progress(sync ? `waiting for the job` : `submitting the job`)
    const job = yield* sync
      ? Atlas.runJob({ endpoint, input: given, mode: "sync", timeout: limit }, call)
      : Atlas.runJob({ endpoint, input: given }, { ...call, timeout: limit })
    if (sync && job.isFinal && job.status !== "completed") {
      const provider = yield* Effect.flatMap(Providers, ({ get }) => get(call.provider, "runJob"))
      return yield* JobRunner.unsuccessful(provider, "runJob", job)
    }
    yield* print(job)
  })

/** Prints one job as it is now. */
export const get = ({ call, ...job }: One) => Effect.flatMap(Atlas.getJob(job, call), print)

/** Cancels a job and prints it as it then is. */
export const cancel = ({ call, ...job }: One) =>
  Atlas.cancelJob(job, call).pipe(Effect.andThen(Atlas.getJob(job, call)), Effect.flatMap(print))

interface Patient extends One {
  readonly timeout: Option.Option<Duration.Duration>
}

/** Waits until a job has completed and prints it. */
export const wait = ({ call, endpoint, id, timeout }: Patient) =>
  Effect.gen(function*() {
    yield* progress(`waiting for ${id}`)
    yield* print(yield* Atlas.awaitJob({ endpoint, id }, { ...call, timeout: Option.getOrUndefined(timeout) }))
  })

/** Prints what a job puts out, as it comes. */
export const stream = ({ call, endpoint, id, timeout }: Patient) =>
  Effect.gen(function*() {
    const { invocation, out, write } = yield* Shell
    const show = (items: ReadonlyArray<Schema.Json>) =>
      invocation.json
        ? out(items.map((output) => JSON.stringify({ type: "output", output })).join("\n"))
        : write(items.map((output) => `${ForeignText.plain(worded(output))}\n`).join(""))
    yield* Stream.runForEachArray(
      Atlas.streamJob({ endpoint, id }, { ...call, timeout: Option.getOrUndefined(timeout) }),
      show
    )
  })
