/**
 * What `atlas reap` does: a recovery under the owner of this command line, and its report.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as TimeSpan from "../../domain/TimeSpan.ts"
import type * as Reaper from "../../orchestrator/Reaper.ts"
import * as Recovery from "../../orchestrator/Recovery.ts"
import { Providers } from "../../provider/Providers.ts"
import { OwnerStore } from "../OwnerStore.ts"
import { progress } from "../Progress.ts"
import { Shell } from "../Shell.ts"
import type { SpawnFlags } from "../SpawnRequest.ts"
import * as Supervised from "../Supervised.ts"
import * as Table from "../Table.ts"

interface Input {
  readonly dryRun: boolean
  readonly grace: Option.Option<Duration.Duration>
  readonly call: SpawnFlags["call"]
}

const wordOf = (step: Recovery.Step): string => {
  switch (step._tag) {
    case "Settling":
      return `settling ${step.sessions.length} sessions that no process watches`
    case "Listing":
      return `listing ${step.providers.join(", ")}`
    case "Proving":
      return `${step.computeIds.length} computes that no session uses; listing again in ${
        TimeSpan.format(step.grace)
      }: ${step.computeIds.join(", ")}`
  }
}

const reasons: Readonly<Record<Reaper.LeftWhy, string>> = {
  not_stamped: "its name is not one that atlas gives",
  other_owner: "another owner's",
  known: "a session uses it",
  young: "too young",
  seen_once: "listed only once",
  store_cannot_tell: "not every session on record could be read",
  being_ended: "being ended",
  end_failed: "could not be ended"
}

const show = (
  { ended, left, sessions, unlisted, unreadable, unsettled }: Recovery.Report,
  dryRun: boolean,
  color: boolean
): string => {
  const rows = [
    ...ended.map((one) => [one.provider, one.computeId, one.name, dryRun ? "would be ended" : "ended"]),
    ...left.map((one) => [one.provider, one.computeId, one.name, `left alone: ${reasons[one.why]}`])
  ]
  const table = rows.length === 0 ? "nothing to end" : Table.render(["PROVIDER", "ID", "NAME", ""], rows, { color })
  const over = sessions.map(({ computeId, id }) =>
    `session ${id}, whose atlas process is gone, was ended: ${computeId ?? "it had no compute"}`
  )
  const open = unsettled.map(({ computeId, id, message, provider, state }) =>
    `session ${id}, whose atlas process is gone, is still ${state}: ${
      computeId ?? "no compute"
    } of ${provider}: ${message}`
  )
  const unread = unreadable.map(({ id, message }) =>
    id === "*"
      ? `the stored sessions cannot be read, so no process watches their computes: ${message}`
      : `session ${id} cannot be read, so no process watches its compute: ${message}`
  )
  // "nothing to end" would be wrong beside a session that has not ended
  const said = rows.length === 0 && open.length + unread.length > 0 ? [] : [table]
  return [
    ...over,
    ...open,
    ...unread,
    ...said,
    ...unlisted.map((provider) => `${provider} could not be listed, so its computes were left alone`)
  ].join("\n")
}

/** Settles the sessions that earlier runs left, and ends machines that provably belong to no session. */
export const run = ({ call, dryRun, grace }: Input) =>
  Effect.gen(function*() {
    const shell = yield* Shell
    const { owner, store } = yield* yield* OwnerStore
    // refused under the name of the command that was typed
    if (call.provider !== undefined) yield* (yield* Providers).get(call.provider, "reap")
    const report = yield* Recovery.run({
      owner,
      provider: call.provider,
      grace: Option.getOrUndefined(grace),
      dryRun,
      onStep: (step) => Effect.provideService(progress(wordOf(step)), Shell, shell)
    }).pipe(
      Effect.provide(Layer.provideMerge(store, Supervised.providers(call))),
      Supervised.withLockHint
    )
    yield* shell.out(shell.invocation.json ? JSON.stringify(report) : show(report, dryRun, shell.hasColor))
    const isIncomplete = report.unlisted.length > 0 || report.unsettled.length > 0 || report.unreadable.length > 0 ||
      report.left.some(({ why }) => why === "end_failed")
    yield* shell.exitWith(isIncomplete ? 1 : 0)
  })
