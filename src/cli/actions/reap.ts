/**
 * What `atlas reap` does: a recovery under the owner of this command line, and its report.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as TimeSpan from "../../domain/TimeSpan.ts"
import * as Recovery from "../../orchestrator/Recovery.ts"
import * as NameStamp from "../../provider/NameStamp.ts"
import { Providers } from "../../provider/Providers.ts"
import { OwnerStore } from "../OwnerStore.ts"
import { progress } from "../Progress.ts"
import { Shell } from "../Shell.ts"
import type { SpawnFlags } from "../SpawnRequest.ts"
import * as Supervised from "../Supervised.ts"
import * as Table from "../Table.ts"

interface Input {
  readonly dryRun: boolean
  readonly otherStores: boolean
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

type Left = Recovery.Report["left"][number]

const reasonOf = ({ name, why }: Left): string => {
  switch (why) {
    case "not_stamped":
      return "its name is not one that atlas gives"
    case "other_owner": {
      const stamp = NameStamp.parse(name ?? "")
      if (stamp === null) return "another owner's"
      return NameStamp.isAdhoc(stamp)
        ? "rented by `atlas up` without limits, or by a program without a session"
        : `another owner's; its own reap is ATLAS_OWNER=${stamp.owner} atlas reap`
    }
    case "other_store":
      return "rented under this owner from another session store, which may still use it: give each store an ATLAS_OWNER of its own"
    case "known":
      return "a session uses it"
    case "young":
      return "too young to be judged"
    case "seen_once":
      return "listed only once"
    case "store_cannot_tell":
      return "not every session on record could be read"
    case "being_ended":
      return "being ended"
    case "end_failed":
      return "could not be ended"
  }
}

/** Left alone for good: no later reap of this owner ends it, so the user is told what does. */
const isForUser = ({ name, why }: Left): boolean =>
  why === "other_store" || why === "end_failed" ||
  (why === "other_owner" && NameStamp.isAdhocName(name ?? ""))

/** The machine belongs to this owner, as far as its name tells, and it is not shown that a session has it or that it is gone. */
const isUnproven = ({ why }: Left): boolean =>
  why === "young" || why === "seen_once" || why === "store_cannot_tell" || why === "end_failed" || why === "other_store"

const wordOfLeft = (one: Left): string =>
  `left alone: ${reasonOf(one)}${isForUser(one) ? `: \`atlas down ${one.computeId} --provider ${one.provider}\`` : ""}`

const show = (
  { ended, left, sessions, unlisted, unreadable, unsettled }: Recovery.Report,
  dryRun: boolean,
  color: boolean
): string => {
  const rows = [
    ...ended.map((one) => [one.provider, one.computeId, one.name, dryRun ? "would be ended" : "ended"]),
    ...left.map((one) => [one.provider, one.computeId, one.name, wordOfLeft(one)])
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

/** A machine also has the name that ids have everywhere else in the output of atlas. */
const toJson = (report: Recovery.Report) => {
  const withId = <A extends { readonly computeId: string }>(one: A) => ({ id: one.computeId, ...one })
  return { ...report, ended: report.ended.map(withId), left: report.left.map(withId) }
}

/** Settles the sessions that earlier runs left, and ends machines that provably belong to no session. */
export const run = ({ call, dryRun, grace, otherStores }: Input) =>
  Effect.gen(function*() {
    const shell = yield* Shell
    const { owner, store } = yield* yield* OwnerStore
    // refused under the name of the command that was typed
    if (call.provider !== undefined) yield* (yield* Providers).get(call.provider, "reap")
    const report = yield* Recovery.run({
      owner,
      provider: call.provider,
      grace: Option.getOrUndefined(grace),
      otherStores,
      dryRun,
      onStep: (step) => Effect.provideService(progress(wordOf(step)), Shell, shell)
    }).pipe(
      Effect.provide(Layer.provideMerge(store, Supervised.providers(call))),
      Supervised.withLockHint
    )
    yield* shell.out(shell.invocation.json ? JSON.stringify(toJson(report)) : show(report, dryRun, shell.hasColor))
    const isIncomplete = report.unlisted.length > 0 || report.unsettled.length > 0 || report.unreadable.length > 0 ||
      report.left.some(isUnproven)
    yield* shell.exitWith(isIncomplete ? 1 : 0)
  })
