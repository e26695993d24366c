/**
 * Which rows this process knows to be readable: those it has read or written, as long as they are as they were then.
 */
import { schemaVersion } from "../session/State.ts"

/** What tells a row from what it was: also one that was changed by hand, as far as its form or its length shows. */
export const columns = "id, version, schema_version, octet_length(state) AS bytes"

/** Rows known to be readable. */
export interface Proofs {
  readonly add: (row: Readonly<Record<string, unknown>>) => void
  readonly has: (row: Readonly<Record<string, unknown>>) => boolean
  /** What a commit made of a row; `bytes` is null when it deleted it. */
  readonly written: (row: { readonly id: string; readonly version: number; readonly bytes: number | null }) => void
}

const markOf = (version: unknown, form: unknown, bytes: unknown): string =>
  `${Number(version)}/${Number(form)}/${Number(bytes)}`

const markOfRow = (row: Readonly<Record<string, unknown>>): string =>
  markOf(row["version"], row["schema_version"], row["bytes"])

/** No row is known yet. */
export const make = (): Proofs => {
  const known = new Map<string, string>()
  return {
    add: (row) => known.set(String(row["id"]), markOfRow(row)),
    has: (row) => known.get(String(row["id"])) === markOfRow(row),
    written: ({ bytes, id, version }) => {
      if (bytes === null) known.delete(id)
      else known.set(id, markOf(version, schemaVersion, bytes))
    }
  }
}
