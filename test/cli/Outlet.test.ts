import { assert, describe, it, vi } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Outlet from "../../src/cli/Outlet.ts"
import { until } from "../support/until.ts"
import { settle } from "./harness.ts"

/** A stream whose reader takes as many pieces as it is told to. */
const makeReader = () => {
  let text = ""
  let pieces = 0
  const held: Array<() => void> = []
  const take = (piece: Uint8Array, done: (error?: Error) => void) => {
    pieces -= 1
    text += Buffer.from(piece).toString("utf8")
    done()
  }
  return {
    target: {
      get writableLength() {
        return held.length
      },
      write: (piece: Uint8Array, done: (error?: Error) => void) => {
        // as a stream does it, never before write has returned
        if (pieces > 0) queueMicrotask(() => take(piece, done))
        else held.push(() => take(piece, done))
        return true
      }
    },
    read: (count: number) => {
      pieces = count
      held.shift()?.()
    },
    text: () => text
  }
}

const never = () => {
  throw new Error("must not fail")
}

const mebibyte = "x".repeat(1024 * 1024)

describe("an outlet whose reader pauses", () => {
  it.effect("holds a bounded amount, and makes whoever writes more wait", () =>
    Effect.gen(function*() {
      const reader = makeReader()
      const outlet = Outlet.make(reader.target, never)
      yield* outlet.write(mebibyte)
      const waiting = yield* Effect.forkChild(outlet.write("second"), { startImmediately: true })
      yield* settle
      assert.isUndefined(waiting.pollUnsafe())
      reader.read(Number.MAX_SAFE_INTEGER)
      yield* Fiber.join(waiting)
      yield* outlet.flushed
      assert.strictEqual(reader.text(), `${mebibyte}\nsecond\n`)
      assert.strictEqual(outlet.dropped(), 0)
    }))

  it.effect("lets the wait be interrupted where nothing else may be, and has then taken nothing of the text", () =>
    Effect.gen(function*() {
      const reader = makeReader()
      const outlet = Outlet.make(reader.target, never)
      yield* outlet.write(mebibyte)
      let isWritten = false
      const waiting = yield* outlet.write("second").pipe(
        Effect.tap(() => Effect.sync(() => isWritten = true)),
        Effect.uninterruptible,
        // apart from its test, which would else wait for it where it fails
        Effect.forkDetach({ startImmediately: true })
      )
      yield* settle
      yield* Effect.forkDetach(Fiber.interrupt(waiting), { startImmediately: true })
      yield* settle
      assert.isDefined(waiting.pollUnsafe(), "the wait is over")
      reader.read(Number.MAX_SAFE_INTEGER)
      yield* outlet.flushed
      assert.isFalse(isWritten)
      assert.strictEqual(reader.text(), `${mebibyte}\n`)
    }))

  it.effect("drops what is put without waiting once much is waiting", () =>
    Effect.gen(function*() {
      const reader = makeReader()
      const outlet = Outlet.make(reader.target, never)
      outlet.put(mebibyte)
      outlet.put("too much")
      reader.read(Number.MAX_SAFE_INTEGER)
      yield* outlet.flushed
      assert.strictEqual(reader.text(), `${mebibyte}\n`)
    }))
})

describe("an outlet at the end of a run", () => {
  it.effect("gives up a reader that takes nothing, and tells how much was lost", () =>
    Effect.gen(function*() {
      const reader = makeReader()
      const outlet = Outlet.make(reader.target, never, { patienceMillis: 10 })
      yield* outlet.write("unread")
      outlet.hurry()
      yield* outlet.flushed
      yield* outlet.write("late")
      yield* outlet.flushed
      assert.strictEqual(outlet.dropped(), "unread\nlate\n".length)
      assert.strictEqual(reader.text(), "")
    }))

  it.effect("has patience anew with each piece that its reader takes", () =>
    Effect.gen(function*() {
      vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] })
      const reader = makeReader()
      const outlet = Outlet.make(reader.target, never, { patienceMillis: 1000 })
      yield* outlet.write(mebibyte)
      outlet.hurry()
      for (let piece = 1; piece <= 3; piece++) {
        vi.advanceTimersByTime(900)
        reader.read(1)
      }
      assert.strictEqual(outlet.dropped(), 0)
      vi.advanceTimersByTime(1000)
      assert.strictEqual(outlet.dropped(), mebibyte.length + 1 - reader.text().length)
    }).pipe(Effect.ensuring(Effect.sync(() => vi.useRealTimers()))))

  it.effect("waits for a reader that goes on, however slowly", () =>
    Effect.gen(function*() {
      const reader = makeReader()
      const outlet = Outlet.make(reader.target, never)
      yield* outlet.write(mebibyte)
      outlet.hurry()
      yield* Effect.promise(() =>
        until("all is read", () => {
          reader.read(1)
          return reader.text().length > mebibyte.length
        })
      )
      yield* outlet.flushed
      assert.strictEqual(outlet.dropped(), 0)
    }))
})

it.effect("what is written at the end is not cut short by the interrupt that began it", () =>
  Effect.gen(function*() {
    const reader = makeReader()
    const outlet = Outlet.make(reader.target, never)
    yield* outlet.write(mebibyte)
    outlet.hurry()
    yield* outlet.write(mebibyte)
    const waiting = yield* outlet.write("last").pipe(
      Effect.uninterruptible,
      Effect.forkChild({ startImmediately: true })
    )
    const interrupt = yield* Effect.forkChild(Fiber.interrupt(waiting), { startImmediately: true })
    yield* settle
    assert.isUndefined(waiting.pollUnsafe())
    reader.read(Number.MAX_SAFE_INTEGER)
    yield* Fiber.join(interrupt)
    yield* outlet.flushed
    assert.strictEqual(reader.text().slice(-6), "\nlast\n")
  }))

it.effect("an outlet that cannot be written tells so once, and holds up nobody", () =>
  Effect.gen(function*() {
    const told: Array<string> = []
    const target = {
      writableLength: 0,
      write: (_: Uint8Array, done: (error?: Error) => void) => {
        queueMicrotask(() => done(new Error("full")))
        return true
      }
    }
    const outlet = Outlet.make(target, ({ message }) => told.push(message))
    yield* outlet.write("lost")
    yield* outlet.flushed
    // whoever waited for it to be written knows by then
    assert.deepStrictEqual(told, ["full"])
    yield* outlet.write(mebibyte)
    yield* outlet.write("lost too")
    yield* outlet.flushed
    assert.deepStrictEqual(told, ["full"])
  }))
