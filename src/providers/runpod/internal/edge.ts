/** RunPod's calls as functions: the input checked, sent by the HTTP edge, the answer decoded; and what RunPod's refusals mean. */
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { type AtlasErrorReason, NoCapacity, ProviderFault, Validation } from "../../../domain/AtlasError.ts"
import type { ApiKey } from "../../../provider/ApiKey.ts"
import { type Call, decode as decodeCall } from "../../../provider/Call.ts"
import * as ProviderHttp from "../../../provider/ProviderHttp.ts"
import * as RateLimits from "../../../provider/RateLimits.ts"
import { type WithBody, withBody } from "../../../provider/Raw.ts"
import type { Operation, OperationName, Operations } from "../RunPodSchema.ts"
import { saysNoCapacity } from "./capacityWords.ts"
import { silence } from "./logLines.ts"
import { withoutEnv } from "./raw.ts"
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

type Once = Operation & { readonly sse?: never }

type Log = Operation & { readonly sse: true }

type Send<A> = (sent: Sent, call: Call) => Effect.Effect<A, AtlasErrorReason>

type Ask<A> = (input: Loose, call: Call) => Effect.Effect<A, AtlasErrorReason>

type Bytes = Stream.Stream<Uint8Array, AtlasErrorReason>

/** Both APIs of RunPod. */
export interface Wire {
  /** A call as it is described. */
  readonly ask: <Op extends Once>(operation: Op) => Ask<AnswerOf<Op>>
  /** The same call, with the whole body beside the decoded answer; of a job's submit, fields of any name are sent. */
  readonly askWithBody: <Op extends Once>(operation: Op) => Ask<WithBody<AnswerOf<Op>>>
  /** A create whose input was checked when it was prepared: it is sent as it is. */
  readonly send: <Op extends Once>(operation: Op) => Send<WithBody<AnswerOf<Op>>>
  /** The bytes of a log. */
  readonly bytes: (operation: Log) => (input: Loose, call: Call) => Bytes
}

export interface Options {
  readonly apiKey: ApiKey
  readonly baseUrl?: string | undefined
  readonly runtimeBaseUrl?: string | undefined
  readonly retries?: number | undefined
}

/** With one property missing, the validator also calls every allowed one "not allowed"; only the missing one is true. */
const withoutCascade = (message: string): string => {
  const [, detail = "", entries = ""] = /^(.*?) \[(.*)\]$/s.exec(message) ?? []
  const missing = entries.split("; ").filter((entry) => entry.includes("missing propert"))
  return missing.length === 0 ? message : `${detail} [${missing.join("; ")}]`
}

/** A better reason for a refused create or change than its status gives; undefined where there is none. */
export const classify = (refusal: ProviderHttp.Refusal): AtlasErrorReason | undefined => {
  // RunPod's successes are such, so nothing of them is read
  if (refusal.status < 300) return undefined
  const { message, raw, status } = refusal
  if (status === 402) {
    return new ProviderFault({
      status,
      raw,
      code: "insufficient_balance",
      message: `the balance of the RunPod account is too low, so nothing was done${message && `: ${message}`}`
    })
  }
  if (saysNoCapacity({ status, message })) return new NoCapacity({ status, raw, message })
  if (status === 422) return new ProviderFault({ status, raw, message: withoutCascade(message) })
  return undefined
}

/** RunPod's id of the machine that was asked for. */
const candidateOf = (body: unknown): string | null => {
  const idOf = (key: string): unknown => {
    const kind: unknown = typeof body === "object" && body !== null ? Reflect.get(body, key) : undefined
    return typeof kind === "object" && kind !== null ? Reflect.get(kind, "id") : undefined
  }
  const id = idOf("gpu") ?? idOf("cpu")
  return typeof id === "string" ? id : null
}

/** Calls whose body can hold any secret, which a refusal can repeat. */
const withheld: ReadonlyArray<string> = ["run", "runSync", "createRegistry"]

const timeoutsOf = ({ name, plane }: Operation): ProviderHttp.Timeouts =>
  // the server may hold it for 300 seconds, and its caller has a limit of its own
  name === "runSync"
    ? { attempt: "310 seconds", total: "320 seconds" }
    : plane === "runtime"
    ? { attempt: "2 minutes", total: "4 minutes" }
    : { idle: silence }

/** Calls are prepared when they are first made: few programs make all of them. */
const memoized = <Made>(make: (operation: Operation) => Made): (operation: Operation) => Made => {
  const made = new Map<Operation, Made>()
  return (operation) => {
    const known = made.get(operation)
    if (known !== undefined) return known
    const fresh = make(operation)
    made.set(operation, fresh)
    return fresh
  }
}

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

    const routeOf = (operation: Operation) => {
      const { class: callClass, method, name, path } = operation
      return {
        operation: name,
        class: callClass,
        method,
        // any path may hold names; one without takes none
        path: path as `${string}{${string}}`,
        timeouts: timeoutsOf(operation),
        ...(name === "deletePod" ? { priority: "terminate" as const } : {}),
        ...(withheld.includes(name) ? { withholdMessage: true } : {}),
        ...(method === "GET" ? {} : { classify })
      }
    }

    /** Sends a checked input to the address of its plane. */
    const routed = <A>({ plane }: Operation, send: Send<A>): Send<A> => (sent, call) => {
      const answer = Effect.flatMap(callFor(plane, call), (own) => send(sent, own))
      return plane === "runtime" ? Effect.mapError(answer, asWritten) : answer
    }

    /** Checks, then sends: nothing is sent that is known to be refused. */
    const guarded = <A>(checked: ReturnType<typeof check>, send: Send<A>): Ask<A> => (input, call) =>
      Effect.suspend(() => {
        const sent = checked(input)
        return Result.isFailure(sent) ? Effect.fail(sent.failure) : send(sent.success, call)
      })

    const endpointOf = (operation: Operation, shape: Operation["success"]): Send<unknown> => {
      const endpoint = planes[operation.plane].endpoint({
        ...routeOf(operation),
        ...(shape === undefined ? {} : { success: shape })
      })
      const send = routed<unknown>(operation, endpoint)
      return operation.name !== "createPod" ? send : (sent, call) =>
        Effect.catchTag(
          send(sent, call),
          "NoCapacity",
          ({ message, raw, status }) =>
            Effect.fail(new NoCapacity({ message, raw, status, candidate: candidateOf(sent.body) }))
        )
    }

    const shapeOf = ({ status, success }: Operation): Operation["success"] =>
      success !== undefined && status.includes(204) ? Schema.NullOr(success) : success

    const askOf = (operation: Operation): Ask<unknown> => {
      const send = guarded(check(operation), endpointOf(operation, shapeOf(operation)))
      return operation.plane === "management" ? (input, call) => Effect.map(send(input, call), withoutEnv) : send
    }

    const sendOf = memoized((operation): Send<unknown> => {
      const shape = shapeOf(operation)
      return endpointOf(operation, shape === undefined ? undefined : withBody(shape))
    })

    const askWithBodyOf = (operation: Operation): Ask<unknown> => {
      const isSubmit = operation.name === "run" || operation.name === "runSync"
      return guarded(isSubmit ? checkOpen(operation) : check(operation), sendOf(operation))
    }

    // the type of the answer follows from the operation, which a function for any operation cannot express
    return {
      ask: memoized(askOf) as Wire["ask"],
      askWithBody: memoized(askWithBodyOf) as Wire["askWithBody"],
      send: sendOf as Wire["send"],
      bytes: memoized((operation) => {
        const { class: _, ...route } = routeOf(operation)
        const open = planes[operation.plane].stream(route)
        const send = guarded(check(operation), routed(operation, (sent, call) => Effect.succeed(open(sent, call))))
        return (input, call) => Stream.unwrap(send(input, call))
      })
    }
  })
