/** What waits for one subscriber: bounded, the oldest batches go first, and it is told how many went. */
import * as Cause from "effect/Cause"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type { FlyError } from "../FlyError.ts"
import type { LogEntry } from "../LogEntry.ts"

/** New log lines. */
export interface Logs {
  readonly _tag: "Logs"
  readonly app: string
  readonly entries: ReadonlyArray<LogEntry>
}

/** Lines this subscriber lost because it was too slow. */
export interface Gap {
  readonly _tag: "Gap"
  readonly app: string
  readonly batches: number
  readonly entries: number
}

/** A fetch failed; the next one is made after `retryIn`, from the same place. */
export interface Failed {
  readonly _tag: "Failed"
  readonly app: string
  readonly error: FlyError
  readonly retryIn: Duration.Duration
}

/** Nobody fetches the app's logs any more; the last element. */
export interface Stopped {
  readonly _tag: "Stopped"
  readonly app: string
}

export type Element = Logs | Gap | Failed | Stopped

export interface Inbox {
  readonly logs: (entries: ReadonlyArray<LogEntry>) => void
  readonly failed: (error: FlyError, retryIn: Duration.Duration) => void
  readonly stopped: () => void
  /** The next element, waited for; one at a time, so that no more than the bound is ever on its way. */
  readonly pull: Effect.Effect<readonly [Element], Cause.Done>
}

/** Text that may wait, whatever the number of lines: a line can be as long as an answer. */
const mostText = 32 * 1024 * 1024

const textOf = (entries: ReadonlyArray<LogEntry>): number =>
  entries.reduce((sum, { message }) => sum + (message?.length ?? 0), 0)

export const make = (app: string, capacity: number): Inbox => {
  const waiting: Array<{ readonly element: Logs | Failed | Stopped; readonly lines: number; readonly text: number }> =
    []
  const arrived = Latch.makeUnsafe(false)
  const held = { batches: 0, lines: 0, text: 0 }
  // the newest batch stays, however large it is
  const isTooMuch = () => (held.lines > capacity || held.text > mostText) && held.batches > 1
  let lost = { batches: 0, entries: 0 }
  let isOver = false

  const take = () => {
    const first = waiting.shift()
    if (first?.element._tag !== "Logs") return first
    held.batches -= 1
    held.lines -= first.lines
    held.text -= first.text
    return first
  }

  const put = (element: Logs | Failed | Stopped, size = { lines: 0, text: 0 }): void => {
    waiting.push({ element, ...size })
    if (element._tag === "Logs") held.batches += 1
    held.lines += size.lines
    held.text += size.text
    while (isTooMuch()) {
      const oldest = take()
      if (oldest?.element._tag === "Logs") {
        lost = { batches: lost.batches + 1, entries: lost.entries + oldest.lines }
      }
    }
    arrived.openUnsafe()
  }

  const next = (): Element | undefined => {
    if (lost.batches === 0) return take()?.element
    const gap: Gap = { _tag: "Gap", app, ...lost }
    lost = { batches: 0, entries: 0 }
    return gap
  }

  const pull: Inbox["pull"] = Effect.suspend(() => {
    if (isOver) return Cause.done()
    const element = next()
    if (element === undefined) {
      arrived.closeUnsafe()
      return Effect.andThen(arrived.await, pull)
    }
    if (element._tag === "Stopped") isOver = true
    return Effect.succeed([element] as const)
  })

  return {
    logs: (entries) => put({ _tag: "Logs", app, entries }, { lines: entries.length, text: textOf(entries) }),
    failed: (error, retryIn) => {
      // one that nobody has read yet says nothing the newer one does not
      if (waiting.at(-1)?.element._tag === "Failed") waiting.pop()
      put({ _tag: "Failed", app, error, retryIn })
    },
    stopped: () => put({ _tag: "Stopped", app }),
    pull
  }
}
