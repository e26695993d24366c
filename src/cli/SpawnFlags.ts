/**
 * Flags of the commands that spawn a compute: what to rent, what runs in it, and the limits of its session.
 *
 * Part of the grammar, which is loaded for every command; what the flags mean is in SpawnRequest.ts.
 */
import * as Argument from "effect/cli/Argument"
import * as Flag from "effect/cli/Flag"
import * as Option from "effect/Option"
import { duration, env, ports, toggle } from "./Flags.ts"

const candidates = (text: string): Option.Option<ReadonlyArray<string>> => {
  const names = text.split(",").map((name) => name.trim())
  return names.includes("") ? Option.none() : Option.some(names)
}

/** What to rent and what runs in it. */
export const spawnFlags = {
  gpu: Flag.String("gpu").pipe(
    Flag.withMetavar("A[,B]"),
    Flag.withDescription("GPU by canonical name; of several, the first that is available"),
    Flag.filterMap(candidates, () => "GPU names separated by commas"),
    Flag.withDefault<ReadonlyArray<string>>([])
  ),
  gpuCount: Flag.Int("gpu-count").pipe(Flag.withMetavar("N"), Flag.withDescription("Number of GPUs"), Flag.optional),
  spot: toggle("spot").pipe(Flag.withDescription("A cheaper machine that may be taken away; see --on-failure")),
  image: Flag.String("image").pipe(Flag.withMetavar("IMAGE"), Flag.withDescription("Image to run"), Flag.optional),
  ports,
  env,
  name: Flag.String("name").pipe(Flag.withMetavar("NAME"), Flag.withDescription("Name of the compute"), Flag.optional),
  regions: Flag.String("region").pipe(
    Flag.withMetavar("REGION"),
    Flag.withDescription("Preferred region, best first; may be repeated"),
    Flag.atLeast(0)
  ),
  auth: Flag.Literals("auth", ["none", "bearer", "signed_url"]).pipe(
    Flag.withDescription("Mint a credential that the container must check"),
    Flag.optional
  ),
  detach: toggle("detach").pipe(
    Flag.withAlias("d"),
    Flag.withDescription("Print the compute and leave it running; end it with `atlas down`")
  ),
  command: Argument.String("command").pipe(
    Argument.withDescription("What to run in it, after --; every word belongs to it as it is"),
    Argument.variadic()
  )
}

/** The most respawns that a session takes. */
const mostRespawns = 1_000

const policy = (text: string): Option.Option<"stop" | { readonly respawn: number }> => {
  if (text === "stop") return Option.some("stop")
  const [, times] = /^respawn:(\d{1,6})$/.exec(text) ?? []
  return times === undefined || Number(times) > mostRespawns
    ? Option.none()
    : Option.some({ respawn: Number(times) })
}

/** Limits of a session: with one of them the compute is watched. */
export const limitFlags = {
  idleTtl: Flag.String("idle-ttl").pipe(
    Flag.withMetavar("TIME"),
    Flag.withDescription("End it when it has written nothing for so long: 90s, 30m, ..."),
    duration,
    Flag.optional
  ),
  maxRuntime: Flag.String("max-runtime").pipe(
    Flag.withMetavar("TIME"),
    Flag.withDescription("End it so long after the start, whatever it does (a task: 1h unless told otherwise)"),
    duration,
    Flag.optional
  ),
  maxCost: Flag.Finite("max-cost").pipe(
    Flag.withMetavar("DOLLARS"),
    Flag.withDescription("End it when it has cost this much; refused where the price is not known"),
    Flag.filter((dollars) => dollars > 0, () => "an amount of dollars above 0, such as 0.5 or 30"),
    Flag.optional
  ),
  persist: toggle("persist").pipe(
    Flag.withDescription("Leave it running when atlas ends, for the next atlas command of this owner to watch")
  ),
  onFailure: Flag.String("on-failure").pipe(
    Flag.withMetavar("stop|respawn:N"),
    Flag.withDescription("When the machine is lost: stop (default), or rent again up to N times"),
    Flag.filterMap(policy, () => `stop, or respawn:N with N from 0 to ${mostRespawns}`),
    Flag.optional
  )
}
