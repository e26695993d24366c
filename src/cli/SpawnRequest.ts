/**
 * What the flags of spawning mean: the request, and the options of a session.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Atlas from "../Atlas.ts"
import { invalid } from "../domain/AtlasError.ts"
import type { CloudType } from "../domain/Gpu.ts"
import type { PortText } from "../domain/PortText.ts"
import type { SpawnOptions } from "../orchestrator/SpawnOptions.ts"
import type { Service } from "../provider/Provider.ts"
import { asTyped } from "./AsTyped.ts"
import * as Environment from "./Environment.ts"
import * as OptFlags from "./OptFlags.ts"
import { Shell } from "./Shell.ts"

/** The flags of what to rent, as they are read. */
export interface SpawnFlags {
  readonly gpu: ReadonlyArray<string>
  readonly gpuCount: Option.Option<number>
  readonly spot: boolean
  readonly image: Option.Option<string>
  readonly ports: ReadonlyArray<PortText>
  readonly cloud: Option.Option<CloudType>
  readonly disk: Option.Option<number>
  readonly volumeGb: Option.Option<number>
  readonly networkVolume: Option.Option<string>
  readonly template: Option.Option<string>
  readonly cuda: Option.Option<string>
  readonly registryAuth: Option.Option<string>
  readonly logLimit: Option.Option<number>
  readonly env: ReadonlyArray<string>
  readonly envFiles: ReadonlyArray<string>
  readonly opts: ReadonlyArray<string>
  readonly name: Option.Option<string>
  readonly regions: ReadonlyArray<string>
  readonly auth: Option.Option<"none" | "bearer" | "signed_url">
  readonly detach: boolean
  readonly command: ReadonlyArray<string>
  readonly call: Pick<Atlas.Options, "baseUrl"> & { readonly provider?: string | undefined }
}

/** The flags of how long it may live and what it may cost, as they are read. */
export interface Limits {
  readonly idleTtl: Option.Option<Duration.Duration>
  readonly maxRuntime: Option.Option<Duration.Duration>
  readonly maxCost: Option.Option<number>
  readonly persist: boolean
  readonly onFailure: Option.Option<"stop" | { readonly respawn: number }>
}

/** What flags ask for that only some providers have, as their own fields. */
const providerFields = (flags: SpawnFlags, { requestOpts }: Service) =>
  Effect.gen(function*() {
    const { baseUrl } = flags.call
    const asked = [
      { flag: "--cuda", value: flags.cuda, ask: requestOpts.minCuda },
      { flag: "--registry-auth", value: flags.registryAuth, ask: requestOpts.registryAuth },
      { flag: "--log-limit", value: Option.map(flags.logLimit, String), ask: requestOpts.logLimit }
    ].flatMap(({ value, ...rest }) => Option.isSome(value) ? [{ ...rest, value: value.value }] : [])
    return yield* Effect.forEach(
      asked,
      ({ ask, flag, value }) => Effect.map(ask(value, { baseUrl }), (fields): OptFlags.Given => ({ flag, fields }))
    )
  })

/** The request without its GPU, since there may be several candidates. */
export const toRequest = (flags: SpawnFlags, provider: Service, operation: string) =>
  Effect.gen(function*() {
    const { directory } = yield* Shell
    const env = yield* Environment.read(flags.env, operation, flags.envFiles)
    const opts = yield* OptFlags.read(flags.opts, yield* providerFields(flags, provider), operation)
    return {
      gpuCount: Option.getOrUndefined(flags.gpuCount),
      spot: flags.spot,
      image: Option.getOrUndefined(flags.image),
      cloudType: Option.getOrUndefined(flags.cloud),
      containerDiskGb: Option.getOrUndefined(flags.disk),
      volumeGb: Option.getOrUndefined(flags.volumeGb),
      networkVolumeId: Option.getOrUndefined(flags.networkVolume),
      templateId: Option.getOrUndefined(flags.template),
      ports: flags.ports,
      env,
      name: Option.getOrUndefined(flags.name),
      regionHints: flags.regions,
      auth: Option.getOrUndefined(flags.auth),
      command: flags.command,
      // the one provider that sees the directory the command was typed in
      providerOpts: provider.cloud === "local" ? { cwd: directory, ...opts } : opts
    }
  }).pipe(asTyped)

const flagsOf = (limits: Limits): ReadonlyArray<string> => [
  ...Option.isSome(limits.idleTtl) ? ["idle-ttl"] : [],
  ...Option.isSome(limits.maxRuntime) ? ["max-runtime"] : [],
  ...Option.isSome(limits.maxCost) ? ["max-cost"] : [],
  ...limits.persist ? ["persist"] : [],
  ...Option.isSome(limits.onFailure) ? ["on-failure"] : []
]

/** Whether the user gave a limit, which a process must stay to keep. */
export const isLimited = (limits: Limits): boolean => flagsOf(limits).length > 0

/** Refuses limits with `--detach`: a process must stay to keep them, and without a server that is this one. */
export const refuseDetached = (limits: Limits, operation: string) =>
  Effect.fail(invalid(
    operation,
    (isLimited(limits) ? flagsOf(limits) : ["detach"]).map((path) => ({
      path,
      message: "needs a server that goes on when atlas has ended; without --detach atlas itself stays and watches"
    }))
  ))

/** The limits as options of a session; a flag that is not given is no limit, and only a task has a deadline of its own. */
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
