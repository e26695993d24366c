/**
 * Computes and their log lines as commands print them.
 */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import type { Compute } from "../domain/Compute.ts"
import * as Credential from "../domain/Credential.ts"
import * as ForeignText from "../domain/ForeignText.ts"
import type { LogElement } from "../domain/LogElement.ts"
import * as ComputeName from "./ComputeName.ts"
import { Shell } from "./Shell.ts"
import * as Table from "./Table.ts"

const instant = (at: DateTime.Utc | null): string | null => at === null ? null : DateTime.formatIso(at)

/** A compute in JSON. The credential is there only in the answer to a create, where it has just been minted. */
export const toJson = (compute: Compute) => ({
  id: compute.id,
  provider: compute.provider,
  status: compute.status,
  name: compute.name,
  ports: compute.ports.map(({ external, internal, protocol, url }) => ({ internal, external, protocol, url })),
  gpuType: compute.gpuType,
  gpuCount: compute.gpuCount,
  costPerHour: compute.costPerHour,
  region: compute.region,
  image: compute.image,
  createdAt: instant(compute.createdAt),
  auth: compute.auth === null ? null : Credential.reveal(compute.auth),
  exitCode: compute.exitCode,
  failure: compute.failure,
  publicIp: compute.publicIp
})

/** A log line in JSON, or a piece of one. */
export const logToJson = ({ at, continues, cursor, lost, overwritten, partial, stream, text }: LogElement) => ({
  type: "log" as const,
  cursor,
  at: instant(at),
  stream,
  text,
  ...(partial ? { partial } : {}),
  ...(continues ? { continues } : {}),
  ...(overwritten ? { overwritten } : {}),
  ...(lost ? { lost } : {})
})

/** When a line of a log was written, for people; a line that no provider dates has a dash. */
export const timeOf = ({ at }: LogElement): string => instant(at) ?? "-"

const price = ({ costPerHour }: Compute): string | null =>
  costPerHour === null ? null : `${Table.dollars(costPerHour)}/h`

const gpu = (compute: Compute): string | null =>
  compute.gpuType === null ? null : compute.gpuCount > 1 ? `${compute.gpuCount}x ${compute.gpuType}` : compute.gpuType

const endpoints = (compute: Compute): ReadonlyArray<string> =>
  compute.ports.map(({ external, internal, protocol, url }) =>
    ForeignText.line(
      url ?? `${internal}/${protocol}${external === null ? "" : ` -> ${compute.publicIp ?? ""}:${external}`}`
    )
  )

const status = (compute: Compute): string =>
  compute.exitCode === null ? compute.status : `${compute.status} (${compute.exitCode})`

/** Whether its machine costs money by the hour now. */
const isBilled = ({ status }: Compute): boolean => status === "running" || status === "provisioning"

/** How old it is at a time in milliseconds; null where its provider does not tell since when it is there. */
const ageOf = ({ createdAt }: Compute, now: number): number | null =>
  createdAt === null ? null : Math.max(0, now - DateTime.toEpochMillis(createdAt))

const hour = 3_600_000

/**
 * What it has cost so far: its age at its price. Null where one of them is not told, and where it does not run, since no
 * provider tells for how long it has.
 */
const costSoFar = (compute: Compute, now: number): number | null => {
  const age = ageOf(compute, now)
  if (compute.costPerHour === 0) return 0
  if (compute.costPerHour === null || age === null || !isBilled(compute)) return null
  return Math.round(compute.costPerHour * age / hour * 1e6) / 1e6
}

/** A compute in JSON, with how old it is and what it has cost so far. */
export const listedToJson = (compute: Compute, now: number) => ({
  ...toJson(compute),
  ageMs: ageOf(compute, now),
  costSoFarUsd: costSoFar(compute, now)
})

const age = (millis: number | null): string | null => {
  if (millis === null) return null
  if (millis < 60_000) return `${Math.floor(millis / 1000)}s`
  if (millis < hour) return `${Math.floor(millis / 60_000)}m`
  return millis < 48 * hour ? `${Math.floor(millis / hour)}h` : `${Math.floor(millis / (24 * hour))}d`
}

const statusColours: Readonly<Record<Compute["status"], number>> = {
  provisioning: 33,
  running: 32,
  stopped: 36,
  terminated: 35,
  failed: 31
}

/** The colour of the status that a cell begins with. */
const inColour = (shown: string): string => {
  const code = Object.entries(statusColours).find(([word]) => shown.startsWith(word))?.[1]
  return code === undefined ? shown : `\u001b[${code}m${shown}\u001b[39m`
}

const columns: ReadonlyArray<Table.Column> = [
  { name: "ID" },
  { name: "STATUS", paint: inColour },
  { name: "NAME", min: 8, leave: 7 },
  { name: "GPU", min: 8, leave: 3 },
  { name: "PRICE", leave: 4 },
  { name: "AGE", leave: 5 },
  { name: "COST", leave: 6 },
  { name: "REGION", min: 6, leave: 1 },
  { name: "PORTS", min: 5, leave: 2 }
]

/** Computes for people, a line each, no longer than `width` where their ids allow it. */
export const table = (
  computes: ReadonlyArray<Compute>,
  { now, ...options }: { readonly color: boolean; readonly width: number; readonly now: number }
): string =>
  Table.fit(
    columns,
    computes.map((compute) => [
      compute.id,
      status(compute),
      compute.name === null ? null : ComputeName.slugOf(compute.name),
      gpu(compute)?.replace(/NVIDIA (GeForce )?/, "") ?? null,
      price(compute),
      age(ageOf(compute, now)),
      Table.dollars(costSoFar(compute, now)),
      compute.region,
      endpoints(compute).join(" ")
    ]),
    options
  )

/** What all of them cost together, such as `3 running, $4.20/h`; the ones whose price is not told are counted. */
export const burnRate = (computes: ReadonlyArray<Compute>): string => {
  const count = (wanted: Compute["status"]) => computes.filter(({ status }) => status === wanted).length
  const billed = computes.filter(isBilled)
  const sum = billed.reduce((sum, { costPerHour }) => sum + (costPerHour ?? 0), 0)
  const unknown = billed.filter(({ costPerHour }) => costPerHour === null).length
  return [
    `${count("running")} running`,
    ...count("provisioning") === 0 ? [] : [`${count("provisioning")} provisioning`],
    `${Table.dollars(sum)}/h`,
    ...unknown === 0 ? [] : [`${unknown} of a price that is not known`]
  ].join(", ")
}

/** One compute for people: everything known of it, a line each. */
export const details = (compute: Compute): string =>
  Table.list([
    ["id", compute.id],
    ["provider", compute.provider],
    ["status", status(compute)],
    ...(compute.failure === null ? [] : [["failure", compute.failure] as const]),
    ["name", compute.name],
    ...(compute.ports.length === 0
      ? [["ports", null] as const]
      : endpoints(compute).map((end) => ["port", end] as const)),
    ["gpu", gpu(compute)],
    ["price", price(compute)],
    ["region", compute.region],
    ["image", compute.image],
    ["created", instant(compute.createdAt)]
  ])

const credential = (compute: Compute): ReadonlyArray<string> => {
  if (compute.auth === null) return []
  const { header, scheme, token } = Credential.reveal(compute.auth)
  const url = ForeignText.line(compute.ports.find(({ protocol }) => protocol === "http")?.url ?? "URL")
  return scheme === "bearer"
    ? [
      `token  ${token}`,
      `Shown only now, stored nowhere. Use it like this: curl -H 'Authorization: ${header}' ${url}`
    ]
    : [`secret  ${token}`, "Shown only now, stored nowhere. Sign URLs with it: SignedUrl.sign in effect-atlas."]
}

/** What the user needs of a compute that was just rented: its id, where to reach it, and the credential, shown only now. */
export const rented = (compute: Compute): string =>
  [
    `id     ${compute.id}`,
    ...endpoints(compute).map((end) => `port   ${end}`),
    ...credential(compute)
  ].join("\n")

/** Prints one compute. */
export const print = (compute: Compute): Effect.Effect<void, never, Shell> =>
  Effect.flatMap(
    Shell,
    ({ invocation, out }) => out(invocation.json ? JSON.stringify(toJson(compute)) : details(compute))
  )
