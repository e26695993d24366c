/**
 * The way to stdout or stderr: text is taken as a whole, written in its order, and waited for only as long as that harms nothing.
 */
import * as Effect from "effect/Effect"

/** The program that reads may pause with this much waiting for it; a command that writes more waits for it. */
const mostWaiting = 1024 * 1024

/** Once the run is ending it goes on without waiting, up to this much: what ends a machine comes first. */
const mostWaitingAtTheEnd = 2 * mostWaiting

/** What is written at once, so that a slow reader is seen to make progress. */
const pieceSize = 16 * 1024

/** At the end of a run, a reader that takes nothing for so long is not waited for any more. */
const patienceMillis = 2_000

/** What an outlet needs of a stream of Node's. */
export interface Target {
  /** What the stream was given and has not written. */
  readonly writableLength: number
  readonly write: (piece: Uint8Array, done: (error?: Error | null) => void) => boolean
}

/** The way to one stream. */
export interface Outlet {
  /**
   * Takes text and a line end, or what is given as one, as soon as there is room. Only the wait for room can be interrupted, also where nothing else can,
   * and then nothing of the text was taken.
   */
  readonly write: (text: string, end?: string) => Effect.Effect<void>
  /** Takes text and a line end now, or drops it where much is waiting already. */
  readonly put: (text: string) => void
  /** From now on nothing waits for a reader that takes nothing: what is left then is dropped. */
  readonly hurry: () => void
  /** Waits until all that was taken is written, or dropped. */
  readonly flushed: Effect.Effect<void>
  /** Waits until the reader has been given up. */
  readonly givenUp: Effect.Effect<void>
  /** How many bytes were dropped because their reader took nothing. */
  readonly dropped: () => number
  /** How many lines were written to their ends. */
  readonly lines: () => number
}

const linesIn = (piece: Uint8Array): number => {
  let count = 0
  for (let at = piece.indexOf(10); at !== -1; at = piece.indexOf(10, at + 1)) count += 1
  return count
}

/** An outlet over a stream; `failed` is told once, and after that nothing is written. */
export const make = (
  target: Target,
  failed: (error: NodeJS.ErrnoException) => void,
  options: { readonly patienceMillis: number } = { patienceMillis }
): Outlet => {
  /** Taken and not yet handed to the stream. */
  let queue: Array<Buffer> = []
  /** Bytes in the queue and in the stream. */
  let waiting = 0
  let dropped = 0
  let lines = 0
  let isHurried = false
  let isOver = false
  let patience: NodeJS.Timeout | undefined
  const waiters = new Set<() => void>()

  const wake = () => {
    for (const waiter of waiters) waiter()
  }

  const end = () => {
    isOver = true
    queue = []
    waiting = 0
    clearTimeout(patience)
  }

  const giveUp = () => {
    dropped += waiting
    end()
    wake()
  }

  /** The patience with the reader begins anew. */
  const watch = () => {
    clearTimeout(patience)
    patience = isHurried && waiting > 0 ? setTimeout(giveUp, options.patienceMillis) : undefined
  }

  const nextPiece = (): Buffer | undefined => {
    const [first] = queue
    if (first === undefined) return undefined
    if (first.length > pieceSize) {
      queue[0] = first.subarray(pieceSize)
      return first.subarray(0, pieceSize)
    }
    let count = 0
    let size = 0
    while (count < queue.length && size + (queue[count]?.length ?? 0) <= pieceSize) size += queue[count++]?.length ?? 0
    return Buffer.concat(queue.splice(0, count))
  }

  const drain = () => {
    // a stream that writes at once is given the next piece at once, so that stdout and stderr keep their order on a terminal
    while (target.writableLength === 0) {
      const piece = nextPiece()
      if (piece === undefined) return
      target.write(piece, (error) => {
        if (isOver) return
        if (error) {
          end()
          // told before the writer takes what was lost for written
          failed(error)
          return wake()
        }
        waiting -= piece.length
        lines += linesIn(piece)
        watch()
        drain()
        wake()
      })
    }
  }

  const take = (text: string, lineEnd = "\n") => {
    const line = Buffer.from(text + lineEnd)
    if (isOver) {
      if (dropped > 0) dropped += line.length
      return
    }
    queue.push(line)
    waiting += line.length
    if (patience === undefined) watch()
    drain()
  }

  const hasRoom = () => isOver || waiting < (isHurried ? mostWaitingAtTheEnd : mostWaiting)

  const until = (isSo: () => boolean) =>
    Effect.callback<void>((resume) => {
      const waiter = () => {
        if (!isSo()) return
        waiters.delete(waiter)
        resume(Effect.void)
      }
      waiters.add(waiter)
      waiter()
      return Effect.sync(() => void waiters.delete(waiter))
    })

  const write = (text: string, lineEnd?: string): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (hasRoom()) return Effect.sync(() => take(text, lineEnd))
      const room = until(hasRoom)
      // an end that waits here has its bound already, and must not be cut short by the interrupt that began it
      return Effect.andThen(isHurried ? room : Effect.interruptible(room), write(text, lineEnd))
    })

  return {
    write,
    put: (text) => {
      if (waiting < mostWaiting) take(text)
    },
    hurry: () => {
      if (isHurried) return
      isHurried = true
      watch()
      wake()
    },
    flushed: until(() => waiting === 0),
    givenUp: until(() => dropped > 0),
    dropped: () => dropped,
    lines: () => lines
  }
}
