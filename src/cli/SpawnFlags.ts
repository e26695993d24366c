/**
 * Flags of the commands that spawn a compute: what to rent, what runs in it, and the limits of its session.
 *
 * Part of the grammar, which is loaded for every command; what the flags mean is in SpawnRequest.ts.
 */
import * as Argument from "effect/cli/Argument"
import * as Flag from "effect/cli/Flag"
import * as Option from "effect/Option"
import { cloud, duration, env, ports, toggle } from "./Flags.ts"

const candidates = (text: string): Option.Option<ReadonlyArray<string>> => {
  const names = text.split(",").map((name) => name.trim())
  return names.includes("") ? Option.none() : Option.some(names)
}

/** More than any machine holds; what a provider takes is for the provider to say. */
const mostGigabytes = 1_000_000

const gigabytes = (text: string): Option.Option<number> => {
  const [, digits] = /^(\d{1,7})(?:GB?)?$/i.exec(text) ?? []
  const amount = Number(digits)
  return digits === undefined || amount === 0 || amount > mostGigabytes ? Option.none() : Option.some(amount)
}

const units: Readonly<Record<string, number>> = { "": 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 }

/** Less would be rotated with every few lines. */
const leastBytes = 64 * 1024

/** A number of bytes, in units of 1024. */
const bytes = (text: string): Option.Option<number> => {
  const [, digits, unit = ""] = /^(\d{1,12})([kmgt]?)(?:i?b)?$/i.exec(text) ?? []
  const amount = Number(digits) * (units[unit.toLowerCase()] ?? 1)
  return digits === undefined || amount < leastBytes || amount > 1000 * 1024 ** 4
    ? Option.none()
    : Option.some(amount)
}

/** A size in whole gigabytes, with its unit or without. */
const size = (name: string, what: string) =>
  Flag.String(name).pipe(
    Flag.withMetavar("GB"),
    Flag.withDescription(what),
    Flag.filterMap(gigabytes, () => `whole gigabytes from 1 to ${mostGigabytes}, such as 50 or 50GB`),
    Flag.optional
  )

/** An id or a name of something that the account has. */
const named = (name: string, metavar: string, what: string) =>
  Flag.String(name).pipe(
    Flag.withMetavar(metavar),
    Flag.withDescription(what),
    Flag.filter((text) => text.trim() !== "", () => "a name that is not empty"),
    Flag.optional
  )

/** As many as one command rents at once: a slip of the finger must not empty an account. */
export const mostComputes = 64

/** Where its storage and its settings come from, and what only some providers have. */
const containerFlags = {
  cloud,
  disk: size("disk", "Disk of the container, gone with it: 50 or 50GB (default: the template's, else the provider's)"),
  volumeGb: size("volume-gb", "Disk of the machine that outlives a stop (default: none)"),
  networkVolume: named("network-volume", "ID", "Network volume to mount, as `atlas volumes ls` shows it"),
  template: named("template", "ID", "Template to begin with, as `atlas templates ls` shows it; other flags count more"),
  cuda: Flag.String("cuda").pipe(
    Flag.withMetavar("MIN"),
    Flag.withDescription("Only machines with at least this CUDA version, such as 12.8"),
    Flag.filter((text) => /^\d{1,2}\.\d{1,2}$/.test(text), () => "a CUDA version such as 12.8"),
    Flag.optional
  ),
  registryAuth: named(
    "registry-auth",
    "NAME",
    "Credential of a private image registry, by its name or id in the provider's account"
  ),
  logLimit: Flag.String("log-limit").pipe(
    Flag.withMetavar("SIZE"),
    Flag.withDescription(
      "Most that the log of a local compute may have, from 64k: 500m, 2g (default 1g); what is older is removed, half of it at a time"
    ),
    Flag.filterMap(bytes, () => "a size from 64k to 1000t, such as 64k, 500m or 2g"),
    Flag.optional
  ),
  envFiles: Flag.String("env-file").pipe(
    // Node reads a --env-file of its own among the arguments of any program: that empties a pipe, and takes no stdin
    Flag.withAlias("env-from"),
    Flag.withMetavar("FILE"),
    Flag.withDescription(
      "Variables as docker's --env-file takes them, NAME=VALUE or NAME a line, quotes kept; may be repeated, --env counts more. "
        + "For a pipe, or - for stdin, write --env-from"
    ),
    Flag.atLeast(0)
  ),
  opts: Flag.String("opt").pipe(
    Flag.withMetavar("PATH=JSON"),
    Flag.withDescription(
      "A field of the request as the provider names it, such as gpu.minRamPerGpu=32; may be repeated"
    ),
    Flag.atLeast(0)
  )
}

/** What to rent and what runs in it. */
export const spawnFlags = {
  gpu: Flag.String("gpu").pipe(
    Flag.withMetavar("A[,B]"),
    Flag.withDescription(
      "GPU as `atlas gpus` lists it, by its id or canonical name; of several, the first that is available"
    ),
    Flag.filterMap(candidates, () => "GPU names separated by commas"),
    Flag.withDefault<ReadonlyArray<string>>([])
  ),
  gpuCount: Flag.Int("gpu-count").pipe(
    Flag.withMetavar("N"),
    Flag.withDescription("Number of GPUs (default: 1)"),
    Flag.optional
  ),
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
    Flag.withDescription("Mint a credential that the container must check (default: none)"),
    Flag.optional
  ),
  ...containerFlags,
  detach: toggle("detach").pipe(
    Flag.withAlias("d"),
    Flag.withDescription("Print the compute and leave it running; end it with `atlas down`")
  ),
  command: Argument.String("command").pipe(
    Argument.withDescription("What to run in it, after --; every word belongs to it as it is"),
    Argument.variadic()
  )
}

/** How many computes `up` leaves running. */
export const count = Flag.Int("count").pipe(
  Flag.withMetavar("N"),
  Flag.withDescription(
    "With --detach: rent N computes alike, or none of them when one cannot be rented; JSON is an array"
  ),
  Flag.filter((amount) => amount >= 1 && amount <= mostComputes, () => `a number from 1 to ${mostComputes}`),
  Flag.optional
)

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
    Flag.withDescription("End it when it has written nothing for so long: 90s, 30m, ... (default: never)"),
    duration,
    Flag.optional
  ),
  maxRuntime: Flag.String("max-runtime").pipe(
    Flag.withMetavar("TIME"),
    Flag.withDescription("End it so long after the start, whatever it does (default: never; a task: 1h)"),
    duration,
    Flag.optional
  ),
  maxCost: Flag.Finite("max-cost").pipe(
    Flag.withMetavar("DOLLARS"),
    Flag.withDescription("End it when it has cost this much (default: no limit); refused where the price is not known"),
    Flag.filter((dollars) => dollars > 0, () => "an amount of dollars above 0, such as 0.5 or 30"),
    Flag.optional
  ),
  persist: toggle("persist").pipe(
    Flag.withDescription("Leave it running when atlas ends, for the next atlas command of this owner to watch")
  ),
  onFailure: Flag.String("on-failure").pipe(
    Flag.withMetavar("stop|respawn:N"),
    Flag.withDescription("When the machine is lost: stop, or rent again up to N times (default: stop)"),
    Flag.filterMap(policy, () => `stop, or respawn:N with N from 0 to ${mostRespawns}`),
    Flag.optional
  )
}
