/** The last lines of a log, whether or not its adapter can read from the end. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { AtlasErrorReason } from "../../domain/AtlasError.ts"
import type { LogElement } from "../../domain/LogElement.ts"
import type { LogOptions } from "../Adapter.ts"

type Lines = Stream.Stream<LogElement, AtlasErrorReason>

/** The lines that are asked for; without `tail` as the adapter gives them. */
export const read = (stream: (options: LogOptions) => Lines, { tail, ...options }: LogOptions): Lines =>
  tail === undefined ? stream(options) : Stream.unwrap(Effect.gen(function*() {
    const kept: Array<LogElement> = []
    let last = options.after ?? null
    // one line more than none: what is written from now on comes after its cursor
    yield* Stream.runForEachArray(stream({ after: last, tail: Math.max(tail, 1) }), (lines) =>
      Effect.sync(() => {
        last = lines.findLast(({ cursor }) => cursor !== "")?.cursor ?? last
        kept.push(...lines)
        kept.splice(0, Math.max(0, kept.length - tail))
      }))
    const soFar: Lines = Stream.fromArray(kept)
    return options.follow === true ? Stream.concat(soFar, stream({ after: last, follow: true })) : soFar
  }))
