/**
 * What `atlas ps` does: lists computes once, or shows them for as long as it is let.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type * as Atlas from "../../Atlas.ts"
import type { Compute, ComputeStatus } from "../../domain/Compute.ts"
import * as ForeignText from "../../domain/ForeignText.ts"
import * as Listing from "../../provider/Listing.ts"
import * as NameStamp from "../../provider/NameStamp.ts"
import { Providers } from "../../provider/Providers.ts"
import * as Account from "../Account.ts"
import * as ComputeView from "../ComputeView.ts"
import { Shell } from "../Shell.ts"

/** Which computes are shown. */
interface Filter {
  readonly all: boolean
  readonly name: Option.Option<string>
  readonly statuses: ReadonlyArray<ComputeStatus>
  readonly owner: Option.Option<string>
}

interface Input extends Filter {
  readonly watch: boolean
  readonly call: Atlas.Options
}

const isShown = ({ all, name, owner, statuses }: Filter) => (compute: Compute): boolean =>
  (statuses.length > 0 ? statuses.includes(compute.status) : all || compute.status !== "terminated")
  && Option.getOrElse(Option.map(name, (wanted) => NameStamp.matches(wanted, compute.name)), () => true)
  && Option.getOrElse(
    Option.map(owner, (wanted) => NameStamp.of(compute)?.owner === wanted),
    () => true
  )

/** What a table may take where no terminal says how wide it is shown. */
const usualWidth = 80

const widthOf = ({ columns, variable }: Shell["Service"]): number => {
  const told = variable("COLUMNS") ?? ""
  return /^[1-9]\d{0,3}$/.test(told) ? Number(told) : columns?.() || usualWidth
}

const look = (input: Input) =>
  Effect.map(Account.list(input.call), ({ computes, odd }) => ({ odd, computes: computes.filter(isShown(input)) }))

const tableOf = (computes: ReadonlyArray<Compute>) =>
  Effect.gen(function*() {
    const shell = yield* Shell
    const now = yield* Clock.currentTimeMillis
    return computes.length === 0
      ? "no computes"
      : ComputeView.table(computes, { color: shell.hasColor, width: widthOf(shell), now })
  })

const once = (input: Input) =>
  Effect.gen(function*() {
    const { err, invocation, out } = yield* Shell
    const { computes, odd } = yield* look(input)
    yield* Account.warn(odd)
    if (invocation.json) {
      const now = yield* Clock.currentTimeMillis
      return yield* out(JSON.stringify(computes.map((compute) => ComputeView.listedToJson(compute, now))))
    }
    yield* out(yield* tableOf(computes))
    // not among the rows, which scripts count
    if (computes.length > 0) yield* err(ComputeView.burnRate(computes))
  })

/** Often enough for a person who waits, seldom enough for an account's request limit. */
const shortestWatch = Duration.seconds(2)

/** One line of JSON for each compute that is new, has changed or is gone since the last look. */
const tell = (computes: ReadonlyArray<Compute>, before: ReadonlyMap<string, string>) =>
  Effect.gen(function*() {
    const { out } = yield* Shell
    const now = yield* Clock.currentTimeMillis
    const seen = new Map<string, string>(
      computes.map((compute) => [compute.id, JSON.stringify(ComputeView.toJson(compute))])
    )
    for (const compute of computes) {
      if (before.get(compute.id) === seen.get(compute.id)) continue
      yield* out(JSON.stringify({ type: "compute", ...ComputeView.listedToJson(compute, now) }))
    }
    for (const id of before.keys()) if (!seen.has(id)) yield* out(JSON.stringify({ type: "gone", id }))
    return seen
  })

const watch = (input: Input) =>
  Effect.gen(function*() {
    const { err, invocation, out, outIsTerminal, screen } = yield* Shell
    const { pollInterval } = yield* Effect.flatMap(Providers, ({ get }) => get(input.call.provider, "listCompute"))
    let before: ReadonlyMap<string, string> = new Map()
    let shown: string | null = null
    const told = new Set<string>()
    const warnOnce = (odd: ReadonlyArray<Account.Odd>) =>
      Effect.suspend(() => {
        const fresh = odd.filter(({ entry }) => !told.has(Listing.describe(entry)))
        for (const { entry } of fresh) told.add(Listing.describe(entry))
        return Account.warn(fresh)
      })
    while (true) {
      const looked = yield* Effect.result(look(input))
      if (Result.isFailure(looked)) {
        const { failure } = looked
        if (!failure.isRetryable) return yield* failure
        const message = ForeignText.line(failure.reason.message)
        const warning = `warning: the account could not be listed: ${message}`
        // what is on the screen is what was seen last, and says so
        yield* invocation.json
          ? err(JSON.stringify({ warning: { kind: failure.kind, provider: failure.provider, message } }))
          : outIsTerminal && shown !== null
          ? screen(`${shown}\n${warning}`)
          : err(warning)
      } else {
        const { computes, odd } = looked.success
        if (invocation.json) {
          yield* warnOnce(odd)
          before = yield* tell(computes, before)
        } else {
          const table = `${yield* tableOf(computes)}\n${ComputeView.burnRate(computes)}`
          const seen = JSON.stringify(computes.map(ComputeView.toJson))
          if (outIsTerminal) yield* screen([table, ...odd.map(({ entry }) => Listing.describe(entry))].join("\n"))
          else {
            yield* warnOnce(odd)
            if (before.get("") !== seen) yield* out(table)
          }
          before = new Map([["", seen]])
          shown = table
        }
      }
      yield* Effect.sleep(Duration.max(pollInterval, shortestWatch))
    }
  })

/** Lists the computes of a provider, those that are terminated only on demand. */
export const list = (input: Input) => input.watch ? watch(input) : once(input)
