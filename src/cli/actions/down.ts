/**
 * What `atlas down` does.
 */
import * as Array from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Atlas from "../../Atlas.ts"
import { misused } from "../Flags.ts"
import { progress } from "../Progress.ts"
import { Shell } from "../Shell.ts"

/** A provider's own process or API takes this many ends at once without trouble. */
const together = 8

/** Ends one compute and sees that it is gone; unlike `Atlas.end`, an id nobody knows is a mistake. */
const end = (id: string, call: Atlas.Options) =>
  Atlas.terminate(id, call).pipe(
    // it may have been carried out all the same: ask again, and look
    Effect.catchIf((error) => error.isRetryable, () => Effect.void),
    Effect.andThen(Atlas.end(id, call))
  )

const everything = (call: Atlas.Options, yes: boolean) =>
  Effect.gen(function*() {
    const { ask, canAsk } = yield* Shell
    if (!yes && !canAsk) return yield* misused("down", "--all needs --yes where nobody can be asked")
    const ids = (yield* Atlas.listCompute({}, call)).filter(({ status }) => status !== "terminated").map(({ id }) => id)
    if (ids.length === 0 || yes) return ids
    return (yield* ask(`End ${ids.length === 1 ? ids[0] : `all ${ids.length} computes`}?`)) ? ids : []
  })

/** Ends computes and prints which; every one is tried, whatever happens to the others. */
export const run = ({ all, call, ids, yes }: {
  readonly ids: ReadonlyArray<string>
  readonly all: boolean
  readonly yes: boolean
  readonly call: Atlas.Options
}) =>
  Effect.gen(function*() {
    const { invocation, out } = yield* Shell
    const wanted = all ? yield* everything(call, yes) : [...new Set(ids)]
    if (wanted.length > 0) yield* progress(`ending ${wanted.join(" ")}`)
    const results = yield* Effect.forEach(wanted, (id) => Effect.result(end(id, call)), { concurrency: together })
    const gone = wanted.filter((_, index) => Option.exists(Array.get(results, index), Result.isSuccess))
    const failures = results.flatMap((result) => Result.isFailure(result) ? [Cause.makeFailReason(result.failure)] : [])
    if (!invocation.json) {
      if (wanted.length === 0) yield* out("nothing to end")
      if (gone.length > 0) yield* out(gone.map((id) => `ended ${id}`).join("\n"))
    }
    if (failures.length > 0) return yield* Effect.failCause(Cause.fromReasons(failures))
    if (invocation.json) yield* out(JSON.stringify(gone.map((id) => ({ id, status: "terminated" }))))
  })
