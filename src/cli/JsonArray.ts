/**
 * A JSON array that is printed while its elements come, so that one of any length takes no more memory than a part of it.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { Shell } from "./Shell.ts"

/**
 * Prints an array, an element a line. Nothing is printed before the first element is there; where a later one cannot be had the
 * array stays open, so that no reader takes a part for the whole.
 */
export const print = <E, R>(elements: Stream.Stream<unknown, E, R>): Effect.Effect<void, E, R | Shell> =>
  Effect.gen(function*() {
    const { out } = yield* Shell
    let isOpen = false
    yield* Stream.runForEachArray(elements, (these) =>
      Effect.suspend(() => {
        const mark = isOpen ? "," : "["
        isOpen = true
        return out(mark + these.map((element) => JSON.stringify(element)).join(",\n"))
      }))
    yield* out(isOpen ? "]" : "[]")
  })
