/**
 * What `atlas check` does: runs the conformance suite, once the user has agreed to its cost.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { CallOptions } from "../../provider/Call.ts"
import { Provider } from "../../provider/Provider.ts"
import { Providers } from "../../provider/Providers.ts"
import * as ProviderConformance from "../../testing/ProviderConformance.ts"
import { misused } from "../Flags.ts"
import { progress } from "../Progress.ts"
import { trialOf } from "../providers.ts"
import { Shell } from "../Shell.ts"
import * as Table from "../Table.ts"

/** Whether the user agrees to the cost. */
const agreed = (id: string, maxCost: Option.Option<number>, yes: boolean) =>
  Effect.gen(function*() {
    const { ask, canAsk } = yield* Shell
    if (Option.isNone(maxCost)) return yield* misused("check", `${id} rents real computes: give --max-cost DOLLARS`)
    if (yes) return true
    if (!canAsk) {
      return yield* misused(
        "check",
        `${id} rents real computes: give --yes where no question can be asked (stdin is not a terminal)`
      )
    }
    return yield* ask(`Rent real computes from ${id}, for $${maxCost.value} at most?`)
  })

/** Runs every case and prints how it went; the exit code is 1 if one failed. */
export const run = ({ call, maxCost, provider: wanted, yes }: {
  readonly provider: string
  readonly maxCost: Option.Option<number>
  readonly yes: boolean
  readonly call: CallOptions
}) =>
  Effect.gen(function*() {
    const shell = yield* Shell
    const { exitWith, hasColor: color, invocation, out } = shell
    const provider = yield* Effect.flatMap(Providers, ({ get }) => get(wanted, "check"))
    // a provider that is only reserved refuses here, with its own message
    if (!provider.implemented) yield* provider.compute.list()
    const { isFree, request, speaks } = trialOf(provider.cloud)
    if (!isFree && !(yield* agreed(provider.id, maxCost, yes))) return yield* out("nothing was rented")

    const report = yield* ProviderConformance.run({
      request,
      reset: Effect.succeed(call),
      maxCost: Option.getOrUndefined(maxCost),
      speak: speaks ? () => Effect.void : undefined
    }, ({ name, outcome }) => Effect.provideService(progress(`${outcome}: ${name}`), Shell, shell)).pipe(
      Effect.provideService(Provider, provider)
    )
    yield* out(
      invocation.json ? JSON.stringify(report) : [
        Table.render(["OUTCOME", "PROMISE", "WHY"], report.results.map((one) => [one.outcome, one.name, one.message]), {
          color
        }),
        `${report.passed} passed, ${report.failed} failed, ${report.skipped} skipped`
      ].join("\n")
    )
    yield* exitWith(report.failed === 0 ? 0 : 1)
  })
