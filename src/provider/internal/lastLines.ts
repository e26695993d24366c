/** The last lines of a log, whether or not its adapter can read from the end. */
import * as Array from "effect/Array"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { AtlasErrorReason } from "../../domain/AtlasError.ts"
import type { LogElement } from "../../domain/LogElement.ts"
import type { LogOptions } from "../Adapter.ts"

type Lines = Stream.Stream<LogElement, AtlasErrorReason>

/** These lines, then those of the stream. `Stream.concat` would add the code that merges streams to every bundle. */
const before = (first: ReadonlyArray<LogElement>, rest: Lines): Lines =>
  Stream.transformPull(rest, (pull) =>
    Effect.sync(() => {
      let due = first
      return Effect.suspend(() => {
        const now = due
        due = []
        return Array.isReadonlyArrayNonEmpty(now) ? Effect.succeed(now) : pull
      })
    }))

/** The lines that are asked for; without `tail` as the adapter gives them. */
export const read = (stream: (options: LogOptions) => Lines, { tail, ...options }: LogOptions): Lines =>
  tail === undefined ? stream(options) : Stream.unwrap(Effect.gen(function*() {
    const kept: globalThis.Array<LogElement> = []
    let last = options.after ?? null
    // one line more than none: what is written from now on comes after its cursor
    yield* Stream.runForEachArray(stream({ after: last, tail: Math.max(tail, 1) }), (lines) =>
      Effect.sync(() => {
        last = lines.findLast(({ cursor }) => cursor !== "")?.cursor ?? last
        kept.push(...lines)
        kept.splice(0, Math.max(0, kept.length - tail))
      }))
    return options.follow === true ? before(kept, stream({ after: last, follow: true })) : Stream.fromArray(kept)
  }))
