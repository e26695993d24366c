/** The native client over the calls of the table. */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { AtlasError, type AtlasErrorReason, Timeout } from "../../../domain/AtlasError.ts"
import type { ProviderId } from "../../../domain/Ids.ts"
import * as TimeSpan from "../../../domain/TimeSpan.ts"
import { failWhen } from "../../../http/StreamLimits.ts"
import { Call, type CallOptions, decode as decodeCall } from "../../../provider/Call.ts"
import {
  type Endpoint,
  type OperationName,
  type Operations,
  operations,
  type Pod,
  type Release,
  type Template
} from "../RunPodSchema.ts"
import type * as Edge from "./edge.ts"
import * as Listing from "./listing.ts"
import { type From, type LogLine, resumed } from "./logLines.ts"
import { listsOf, telling } from "./nativeCreates.ts"
import type { Options } from "./options.ts"
import type { Loose } from "./requests.ts"

type Native<Input, A> = object extends Input ? (input?: Input, options?: CallOptions) => A
  : (input: Input, options?: CallOptions) => A

/**
 * The calls that answer once, by the operation ids of RunPod's document.
 *
 * **Details**
 *
 * Each takes one object: the ids of its path, `body` and `query`. Unknown fields do not compile, and are refused before
 * anything is sent. Answers are RunPod's own, with fields that are missing or of another type left out, without `env`.
 *
 * @category models
 * @since 0.1.0
 */
export type Asks = {
  readonly [Name in Edge.AskName]: Native<
    Edge.InputOf<Operations[Name]>,
    Effect.Effect<Edge.AnswerOf<Operations[Name]>, AtlasError>
  >
}

/**
 * The calls that answer with a log: lines for as long as the stream is consumed, resumed after a connection was lost.
 *
 * @category models
 * @since 0.1.0
 */
export type Logs = {
  readonly [Name in Edge.LogName]: Native<
    Edge.InputOf<Operations[Name]>,
    Stream.Stream<LogLine, AtlasError>
  >
}

/**
 * Lists that come in pages, read to their end: the whole list or a failure, never a part of it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Lists {
  readonly listAllPods: (options?: CallOptions) => Effect.Effect<ReadonlyArray<Pod>, AtlasError>
  readonly listAllEndpoints: (options?: CallOptions) => Effect.Effect<ReadonlyArray<Endpoint>, AtlasError>
  readonly listAllTemplates: (options?: CallOptions) => Effect.Effect<ReadonlyArray<Template>, AtlasError>
  readonly listAllEndpointReleases: (
    input: { readonly id: string },
    options?: CallOptions
  ) => Effect.Effect<ReadonlyArray<Release>, AtlasError>
}

const wrapIn = (provider: ProviderId) => (operation: string) => (reason: AtlasErrorReason): AtlasError =>
  new AtlasError({ provider, operation, reason })

/** How often a log that brings nothing but failures is opened again, unless the call or the client says. */
const defaultRetries = 3

const isLog = (name: OperationName): name is Edge.LogName => "sse" in operations[name]

/** A resumed log begins after its last line; where none came yet, at the first connection, whatever tail was asked for. */
const beginning = (input: Loose, { lastEventId, since }: From): Loose => {
  if (lastEventId !== null) return { ...input, lastEventId }
  const { query } = input
  return since === null ? input : { ...input, query: { since, ...(typeof query === "object" ? query : {}) } }
}

export const fromWire = (
  { id, wire }: { readonly id: ProviderId; readonly wire: Edge.Wire },
  options: Pick<Options, "retries" | "settleWindow">
): Asks & Logs & Lists => {
  const wrap = wrapIn(id)
  const lists = listsOf(wire)
  const tellingOf = telling(wire, options.settleWindow)
  const asked = (name: Edge.AskName) => {
    const fail = wrap(name)
    return (input: Loose = {}, options?: CallOptions) =>
      Effect.flatMap(
        decodeCall(options, name),
        (call) => Effect.mapError(tellingOf(name, input, call)(wire.ask(operations[name])(input, call)), fail)
      )
  }

  const logged = (name: Edge.LogName) => (input: Loose = {}, callOptions?: CallOptions) =>
    Stream.unwrap(
      Effect.map(decodeCall(callOptions, name), (call) => {
        const { timeout } = call
        const { lastEventId, ...rest } = input
        const own = timeout === null ? call : new Call({ ...call, timeout: null })
        const lines = resumed(
          (from) => wire.bytes(operations[name])(beginning(rest, from), own),
          {
            after: typeof lastEventId === "string" ? lastEventId : null,
            retries: call.retries ?? options.retries ?? defaultRetries
          }
        )
        return Stream.mapError(timeout === null ? lines : failWhen(lines, passed(timeout)), wrap(name))
      })
    )

  const listed =
    <A>(name: Edge.AskName, all: (call: Call) => Effect.Effect<ReadonlyArray<A>, AtlasErrorReason>) =>
    (callOptions?: CallOptions) =>
      Effect.flatMap(decodeCall(callOptions, name), (call) => Effect.mapError(all(call), wrap(name)))

  const calls = Object.fromEntries(
    Object.keys(operations).map((key) => {
      // the keys of the table are its names
      const name = key as OperationName
      return [name, isLog(name) ? logged(name) : asked(name)]
    })
  )
  return {
    // the table types each call by its name, which building an object from its entries cannot express
    ...calls as unknown as Asks & Logs,
    listAllPods: listed("listPods", lists.pods),
    listAllEndpoints: listed("listEndpoints", lists.endpoints),
    listAllTemplates: listed("listTemplates", lists.templates),
    listAllEndpointReleases: ({ id }, callOptions) =>
      listed(
        "listEndpointReleases",
        Listing.all((query, call) =>
          Effect.map(
            wire.ask(operations.listEndpointReleases)({ id, query }, call),
            ({ pagination, releases }) => ({ items: releases, pagination })
          )
        )
      )(callOptions)
  }
}

const passed = (timeout: Duration.Duration) =>
  Effect.delay(
    Effect.fail(new Timeout({ message: `the log did not end within ${TimeSpan.format(timeout)}` })),
    timeout
  )
