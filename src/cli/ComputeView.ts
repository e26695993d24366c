/**
 * Computes and their log lines as commands print them.
 */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import { type Compute, revealAuth } from "../domain/Compute.ts"
import * as ForeignText from "../domain/ForeignText.ts"
import type { LogElement } from "../domain/LogElement.ts"
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
  auth: compute.auth === null ? null : revealAuth(compute.auth),
  exitCode: compute.exitCode,
  failure: compute.failure,
  publicIp: compute.publicIp
})

/** A log line in JSON, or a piece of one. */
export const logToJson = ({ at, continues, cursor, overwritten, partial, stream, text }: LogElement) => ({
  type: "log" as const,
  cursor,
  at: instant(at),
  stream,
  text,
  ...(partial ? { partial } : {}),
  ...(continues ? { continues } : {}),
  ...(overwritten ? { overwritten } : {})
})

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

/** Computes for people, a line each. */
export const table = (computes: ReadonlyArray<Compute>, options: { readonly color: boolean }): string =>
  Table.render(
    ["ID", "STATUS", "NAME", "GPU", "PRICE", "REGION", "PORTS"],
    computes.map((compute) => [
      compute.id,
      status(compute),
      compute.name,
      gpu(compute),
      price(compute),
      compute.region,
      endpoints(compute).join(" ")
    ]),
    options
  )

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
  const { header, scheme, token } = revealAuth(compute.auth)
  const url = ForeignText.line(compute.ports.find(({ protocol }) => protocol === "http")?.url ?? "URL")
  return scheme === "bearer"
    ? [
      `token  ${token}`,
      `Shown only now, stored nowhere. Use it like this: curl -H 'Authorization: ${header ?? ""}' ${url}`
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
