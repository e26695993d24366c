/** Every call of the table as a function: its input checked against the table, sent by the HTTP edge, its answer read. */
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { type AtlasErrorReason, NoCapacity, Validation } from "../../../domain/AtlasError.ts"
import type { ApiKey } from "../../../provider/ApiKey.ts"
import { type Call, decode as decodeCall } from "../../../provider/Call.ts"
import * as ProviderHttp from "../../../provider/ProviderHttp.ts"
import * as RateLimits from "../../../provider/RateLimits.ts"
import { type Operation, type OperationName, type Operations, operations } from "../RunPodSchema.ts"
import { silence } from "./logLines.ts"
import { keeping, type Kept, withoutEnv } from "./raw.ts"
import { classify } from "./refusals.ts"
import { check, checkOpen, type Loose, type Sent } from "./requests.ts"

/** The names between braces in a path. */
type Names<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}` ? Name | Names<Rest> : never

type Simplify<A> = { readonly [Key in keyof A]: A[Key] }

/** What a call takes: the ids of its path, and a body and a query where it has them. */
export type InputOf<Op extends Operation> = Simplify<
  & { readonly [Name in Names<Op["path"]>]: string }
  & (Op extends { readonly request: { readonly Type: infer Body } } ? { readonly body: Body } : unknown)
  & (Op extends { readonly query: { readonly Type: infer Query } } ? { readonly query?: Query | undefined } : unknown)
  & (Op extends { readonly sse: true } ? { readonly lastEventId?: string | null | undefined } : unknown)
>

/** What a call answers: nothing, or null beside the value, where a success may have no body. */
export type AnswerOf<Op extends Operation> = Op extends { readonly success: { readonly Type: infer Success } }
  ? 204 extends Op["status"][number] ? Success | null : Success
  : void

/** The calls that answer with a log. */
export type LogName = { [Name in OperationName]: Operations[Name] extends { readonly sse: true } ? Name : never }[
  OperationName
]

export type AskName = Exclude<OperationName, LogName>

type Ask<A> = (input: Loose, call: Call) => Effect.Effect<A, AtlasErrorReason>

/** Both APIs of RunPod. */
export interface Wire {
  /** A call as the table describes it. */
  readonly ask: <Name extends AskName>(name: Name) => Ask<AnswerOf<Operations[Name]>>
  /** The same call, with the body of the answer beside what was read of it; a job may have fields nobody knows yet. */
  readonly kept: <Name extends AskName>(name: Name) => Ask<Kept<AnswerOf<Operations[Name]>>>
  /** The bytes of a log. */
  readonly bytes: (name: LogName) => (input: Loose, call: Call) => Bytes
}

export interface Options {
  readonly apiKey: ApiKey
  readonly baseUrl?: string | undefined
  readonly runtimeBaseUrl?: string | undefined
  readonly retries?: number | undefined
}

/** The machine that was asked for, in RunPod's words. */
const candidateOf = (body: unknown): string | null => {
  const idOf = (key: string): unknown => {
    const kind: unknown = typeof body === "object" && body !== null ? Reflect.get(body, key) : undefined
    return typeof kind === "object" && kind !== null ? Reflect.get(kind, "id") : undefined
  }
  const id = idOf("gpu") ?? idOf("cpu")
  return typeof id === "string" ? id : null
}

/** A job can hold anything, and its refusal can repeat it. */
const withheld: ReadonlyArray<OperationName> = ["run", "runSync", "createRegistry"]

const timeoutsOf = (name: OperationName, plane: Operation["plane"]): ProviderHttp.Timeouts =>
  // the server may hold it for 300 seconds, and its caller has a limit of its own
  name === "runSync"
    ? { attempt: "310 seconds", total: "320 seconds" }
    : plane === "runtime"
    ? { attempt: "2 minutes", total: "4 minutes" }
    : { idle: silence }

export const make = ({ apiKey, baseUrl, retries, runtimeBaseUrl }: Options): Effect.Effect<
  Wire,
  never,
  HttpClient.HttpClient
> =>
  Effect.gen(function*() {
    const shared = {
      provider: "runpod",
      name: "RunPod",
      auth: apiKey,
      limits: yield* RateLimits.make(),
      ...(retries === undefined ? {} : { retries })
    }
    const planes = {
      management: yield* ProviderHttp.make({ ...shared, baseUrl: baseUrl ?? "https://api.runpod.io/v2" }),
      runtime: yield* ProviderHttp.make({
        ...shared,
        api: "runtime",
        baseUrl: runtimeBaseUrl ?? "https://api.runpod.ai/v2"
      })
    }

    /** A call's `baseUrl` is the management API's; the runtime has one of its own among the call's options. */
    const callFor = (plane: Operation["plane"], call: Call): Effect.Effect<Call, AtlasErrorReason> => {
      const given = call.options["runtimeBaseUrl"] ?? null
      if (plane === "management" || (call.baseUrl === null && given === null)) return Effect.succeed(call)
      return typeof given === "string" || given === null
        ? Effect.mapError(decodeCall({ ...call, baseUrl: given }, ""), (error) => error.reason)
        : Effect.fail(
          new Validation({ issues: [{ path: "options.runtimeBaseUrl", message: "Expected text" }] })
        )
    }

    /** An address that is wrong is named as the caller wrote it. */
    const asWritten = (reason: AtlasErrorReason): AtlasErrorReason =>
      reason._tag === "Validation"
        ? new Validation({
          issues: reason.issues.map((issue) => issue.path === "baseUrl" ? { ...issue, path: "runtimeBaseUrl" } : issue)
        })
        : reason

    const routeOf = (name: OperationName) => {
      const { class: callClass, method, path, plane }: Operation = operations[name]
      return {
        operation: name,
        class: callClass,
        method,
        // any path may hold names; one without takes none
        path: path as `${string}{${string}}`,
        timeouts: timeoutsOf(name, plane),
        ...(name === "deletePod" ? { priority: "terminate" as const } : {}),
        ...(withheld.includes(name) ? { withholdMessage: true } : {}),
        // it also reads successes, so those of plain reads are spared
        ...(method === "GET" ? {} : { classify })
      }
    }

    /** Checks, then sends: nothing leaves that is known to be refused. */
    const guarded = <A>(
      name: OperationName,
      send: (sent: Sent, call: Call) => Effect.Effect<A, AtlasErrorReason>,
      checked = check(name)
    ) => {
      const { plane }: Operation = operations[name]
      return (input: Loose, call: Call): Effect.Effect<A, AtlasErrorReason> =>
        Effect.suspend(() => {
          const sent = checked(input)
          if (Result.isFailure(sent)) return Effect.fail(sent.failure)
          const answer = Effect.flatMap(callFor(plane, call), (own) => send(sent.success, own))
          return plane === "runtime" ? Effect.mapError(answer, asWritten) : answer
        })
    }

    const endpointOf = (name: AskName, shape: Operation["success"], checked = check(name)) => {
      const { plane }: Operation = operations[name]
      const endpoint = planes[plane].endpoint({ ...routeOf(name), ...(shape === undefined ? {} : { success: shape }) })
      const send = guarded<unknown>(name, endpoint, checked)
      return name !== "createPod" ? send : (input: Loose, call: Call) =>
        Effect.catchTag(
          send(input, call),
          "NoCapacity",
          ({ message, raw, status }) =>
            Effect.fail(new NoCapacity({ message, raw, status, candidate: candidateOf(input["body"]) }))
        )
    }

    const shapeOf = (name: AskName): Operation["success"] => {
      const { status, success }: Operation = operations[name]
      return success !== undefined && status.includes(204) ? Schema.NullOr(success) : success
    }

    const askOf = (name: AskName): Ask<unknown> => {
      const { plane }: Operation = operations[name]
      const send = endpointOf(name, shapeOf(name))
      return plane === "management" ? (input, call) => Effect.map(send(input, call), withoutEnv) : send
    }

    const keptOf = (name: AskName): Ask<unknown> => {
      const shape = shapeOf(name)
      const isSubmit = name === "run" || name === "runSync"
      return endpointOf(
        name,
        shape === undefined ? undefined : keeping(shape),
        isSubmit ? checkOpen(name) : check(name)
      )
    }

    // the table says by its name what each call answers; whoever walks the table cannot
    return {
      ask: memoized(askOf) as Wire["ask"],
      kept: memoized(keptOf) as Wire["kept"],
      bytes: memoized((name) => {
        const { class: _, ...route } = routeOf(name)
        const { plane }: Operation = operations[name]
        const open = planes[plane].stream(route)
        const send = guarded(name, (sent, call) => Effect.succeed(open(sent, call)))
        return (input, call) => Stream.unwrap(send(input, call))
      })
    }
  })

type Bytes = Stream.Stream<Uint8Array, AtlasErrorReason>

/** Calls are prepared when they are first made: few programs make all of them. */
const memoized = <Name, Made>(make: (name: Name) => Made): (name: Name) => Made => {
  const made = new Map<Name, Made>()
  return (name) => {
    const known = made.get(name)
    if (known !== undefined) return known
    const fresh = make(name)
    made.set(name, fresh)
    return fresh
  }
}
