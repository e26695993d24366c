/**
 * The output of a command that stays with its machines until they are over: their logs and its own records, and what is said when
 * some of that could not be delivered.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import type * as Atlas from "../Atlas.ts"
import type { AtlasError } from "../domain/AtlasError.ts"
import type { LogElement } from "../domain/LogElement.ts"
import type { Providers } from "../provider/Providers.ts"
import * as LogTail from "./LogTail.ts"
import * as Printer from "./Printer.ts"
import { Shell } from "./Shell.ts"
import * as Warnings from "./Warnings.ts"

/** After the command's own end its output waits for its reader, as that of any program does. */
const patient: Printer.Patience = { quiet: null, total: null }
/** After any other end a reader that takes nothing for so long has lost the rest, and one that is slow has a minute for it. */
const quiet = Duration.seconds(5)
const bounded: Printer.Patience = { quiet, total: Duration.minutes(1) }
/** After a signal there is so much time for all that is left. */
const hurried: Printer.Patience = { quiet, total: Duration.seconds(5) }
/** For one last record, where the reader may have gone on meanwhile. */
const recordLimit = Duration.seconds(1)

/** What a log tells of its machine, beside its lines. */
export interface Ears {
  /** What runs there has written something; what its platform says is no use of it. */
  readonly used: Effect.Effect<void>
  /** Its platform has started the container again. */
  readonly restarted: Effect.Effect<void>
}

/** The output of one command. */
export interface Output {
  readonly printer: Printer.Printer
  /** Follows the log of a machine, from its beginning; each machine once. */
  readonly follow: (
    computeId: string,
    call: Atlas.Options,
    ears?: Ears
  ) => Effect.Effect<LogTail.LogTail, AtlasError, Providers>
  /**
   * Prints all that the machines have written, which are over, then `last` and the exit; answers the exit code, or fails as
   * `ended` says. Output that was lost makes a success a failure.
   */
  readonly conclude: (
    ended: Result.Result<number | null, AtlasError>,
    options: { readonly isPatient: boolean; readonly last?: Parameters<Printer.Printer["record"]>[0] }
  ) => Effect.Effect<number | null, AtlasError>
  /** After an interrupt: prints what there is, for a moment; `isOver` says whether the machines are over. */
  readonly flush: (options: { readonly isOver: boolean }) => Effect.Effect<void>
}

/** The output of a command, in the scope. */
export const make = Effect.fnUntraced(function*(command: string) {
  const { err, invocation, out } = yield* Shell
  const scope = yield* Effect.scope
  const printer = yield* Printer.make
  const tails: Array<LogTail.LogTail> = []
  let isDone = false
  /** How many lines there were before the first that a log has lost; null while none is known to be. */
  let firstGap: number | null = null

  const missing = (): string | null => tails.map((tail) => tail.missing()).find((why) => why !== null) ?? null

  /** Hears that a container starts again, and says so the first time and each time that its starts have doubled. */
  const hear = (computeId: string, { restarted, used }: Ears) => {
    let starts = 0
    let told = 1
    return (lines: ReadonlyArray<LogElement>) =>
      Effect.suspend(() => {
        const gap = lines.findIndex(({ lost }) => lost === true)
        if (gap !== -1) firstGap ??= printer.taken() - Printer.countOf(lines.slice(gap))
        const use = lines.some(({ isOutput }) => isOutput) ? used : Effect.void
        starts += lines.filter((line) => line.starts === true).length
        if (starts < 2 * told) return use
        told = starts
        printer.record({ type: "restart", computeId, starts })
        const word = `... its container ended, and its provider started it again (${starts} starts so far)`
        return use.pipe(Effect.andThen(restarted), Effect.andThen(invocation.json ? Effect.void : err(word)))
      })
  }

  const readAll = Effect.suspend(() =>
    Effect.forEach(tails, (tail) => Effect.andThen(tail.drain, tail.read), { discard: true })
  )

  const warnCut = (why: string) => {
    // the process itself says where, at its end
    if (why === Printer.givenUp) return Effect.void
    const lines = Math.min(printer.count(), firstGap ?? Infinity)
    return err(Warnings.render(invocation, `the output of ${command} was cut after line ${lines}: ${why}`, { lines }))
  }

  const conclude: Output["conclude"] = (ended, { isPatient, last }) =>
    Effect.gen(function*() {
      const own = Result.getOrElse(ended, () => null)
      const exitCode = (truncated: boolean) => truncated ? own || 1 : own
      const records = Effect.sync(() => {
        if (last !== undefined) printer.record(last)
        const truncated = missing() !== null
        const code = exitCode(truncated)
        if (code !== null && Result.isSuccess(ended)) printer.record({ type: "exit", code, truncated })
      })
      const unwritten = yield* printer.drained(Effect.andThen(readAll, records), isPatient ? patient : bounded)
      isDone = true
      const why = unwritten ?? missing()
      if (why !== null) yield* warnCut(why)
      const code = exitCode(why !== null)
      if (unwritten !== null && invocation.json && Result.isSuccess(ended)) {
        yield* Effect.timeoutOption(out(JSON.stringify({ type: "exit", code, truncated: true })), recordLimit)
      }
      yield* Effect.fromResult(ended)
      return code
    })

  const flush: Output["flush"] = ({ isOver }) =>
    Effect.gen(function*() {
      if (isDone) return
      const why = (yield* printer.drained(isOver ? readAll : Effect.void, hurried)) ?? missing()
      if (why !== null) yield* warnCut(why)
    })

  const output: Output = {
    printer,
    follow: (computeId, call, ears = { used: Effect.void, restarted: Effect.void }) =>
      LogTail.make(computeId, call, printer, hear(computeId, ears)).pipe(
        Scope.provide(scope),
        Effect.tap((tail) => Effect.sync(() => void tails.push(tail)))
      ),
    conclude,
    flush
  }
  return output
})
