/**
 * Lines on their way to somebody who may be slow: whoever writes never waits, and the oldest go first when it is too much.
 */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"

export interface Backlog {
  readonly offer: (lines: ReadonlyArray<string>) => void
  /** No more will come: whoever waits is told. */
  readonly end: () => void
  /** Waits for lines and takes all; empty when it has ended. Says in a line of its own how many were lost. */
  readonly take: Effect.Effect<ReadonlyArray<string>>
}

/** Holds at most `limit` characters. */
export const make = (limit: number): Backlog => {
  const waiting = Latch.makeUnsafe(false)
  let lines: Array<string> = []
  /** Lines before this one are given up; they leave the array when it is taken, or when they are most of it. */
  let first = 0
  let size = 0
  let lost = 0
  let hasEnded = false

  return {
    offer: (more) => {
      if (more.length === 0) return
      for (const line of more) {
        lines.push(line)
        size += line.length + 1
      }
      while (size > limit) {
        size -= (lines[first]?.length ?? 0) + 1
        first += 1
        lost += 1
      }
      if (first > lines.length / 2) {
        lines = lines.slice(first)
        first = 0
      }
      waiting.openUnsafe()
    },
    end: () => {
      hasEnded = true
      waiting.openUnsafe()
    },
    take: waiting.await.pipe(Effect.map(() => {
      const taken = lines.slice(first)
      const gap = lost === 0 ? [] : [`[... ${lost} lines dropped: read too slowly ...]`]
      lines = []
      first = 0
      size = 0
      lost = 0
      if (!hasEnded) waiting.closeUnsafe()
      return [...gap, ...taken]
    }))
  }
}
