/**
 * What the user wants to rent, as the flags say it, and the request and limits that follow from it.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Atlas from "../Atlas.ts"
import { invalid } from "../domain/AtlasError.ts"
import type { SpawnOptions } from "../orchestrator/SpawnOptions.ts"
import * as Environment from "./Environment.ts"
import { Shell } from "./Shell.ts"

/** What to rent. */
export interface SpawnFlags {
  readonly gpu: ReadonlyArray<string>
  readonly gpuCount: Option.Option<number>
  readonly spot: boolean
  readonly image: Option.Option<string>
  readonly ports: ReadonlyArray<string>
  readonly env: ReadonlyArray<string>
  readonly name: Option.Option<string>
  readonly regions: ReadonlyArray<string>
  readonly auth: Option.Option<"none" | "bearer" | "signed_url">
  readonly detach: boolean
  readonly command: ReadonlyArray<string>
  readonly call: Pick<Atlas.Options, "baseUrl"> & { readonly provider?: string | undefined }
}

/** How long it may live and what it may cost. */
export interface Limits {
  readonly idleTtl: Option.Option<Duration.Duration>
  readonly maxRuntime: Option.Option<Duration.Duration>
  readonly maxCost: Option.Option<number>
  readonly persist: boolean
  readonly onFailure: Option.Option<"stop" | { readonly respawn: number }>
}

/** The request without its GPU, since of those there may be several. */
export const toRequest = (flags: SpawnFlags, provider: string, operation: string) =>
  Effect.gen(function*() {
    const { directory } = yield* Shell
    const env = yield* Environment.read(flags.env, operation)
    return {
      gpuCount: Option.getOrUndefined(flags.gpuCount),
      spot: flags.spot,
      image: Option.getOrUndefined(flags.image),
      ports: flags.ports,
      env,
      name: Option.getOrUndefined(flags.name),
      regionHints: flags.regions,
      auth: Option.getOrUndefined(flags.auth),
      command: flags.command,
      // the one provider that sees the directory we stand in
      providerOpts: provider === "local" ? { cwd: directory } : {}
    }
  })

const flagsOf = (limits: Limits): ReadonlyArray<string> => [
  ...Option.isSome(limits.idleTtl) ? ["idle-ttl"] : [],
  ...Option.isSome(limits.maxRuntime) ? ["max-runtime"] : [],
  ...Option.isSome(limits.maxCost) ? ["max-cost"] : [],
  ...limits.persist ? ["persist"] : [],
  ...Option.isSome(limits.onFailure) ? ["on-failure"] : []
]

/** Whether the user asked for anything that somebody must stay for. */
export const isLimited = (limits: Limits): boolean => flagsOf(limits).length > 0

/** Limits need somebody who stays: without a server that is this process, and `--detach` sends it away. */
export const refuseDetached = (limits: Limits, operation: string) =>
  Effect.fail(invalid(
    operation,
    (isLimited(limits) ? flagsOf(limits) : ["detach"]).map((path) => ({
      path,
      message: "needs a server that stays when atlas has ended: leave --detach out, and atlas itself keeps watch"
    }))
  ))

/** The limits as options of a session; what is not said is no limit, and only a task has a deadline by itself. */
export const toOptions = (limits: Limits, mode: "interactive" | "task", provider: string): SpawnOptions => ({
  provider,
  persist: limits.persist,
  idleTtl: mode === "task"
    ? Option.getOrUndefined(limits.idleTtl)
    : Option.getOrElse(limits.idleTtl, () => false as const),
  maxRuntime: Option.getOrUndefined(limits.maxRuntime),
  maxCost: Option.getOrUndefined(limits.maxCost),
  onFailure: Option.getOrUndefined(limits.onFailure),
  ...mode === "task" ? {} : { heartbeat: false }
})
