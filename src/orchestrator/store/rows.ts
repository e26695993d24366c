/**
 * A session as a row of a table, and back. A row that cannot be read is named by its id; its content is not shown.
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import type { AtlasError } from "../../domain/AtlasError.ts"
import { issuesOf } from "../../domain/Decode.ts"
import type { Owner } from "../../provider/NameStamp.ts"
import type { TerminationCause } from "../session/Phase.ts"
import { schemaVersion, SessionJson, type SessionState } from "../session/State.ts"
import * as Alike from "./alike.ts"
import { storageFault } from "./faults.ts"
import * as Often from "./often.ts"
import type { Unreadable, Write } from "./StoreContract.ts"

/** Bytes a new session may take. A later version is written whatever its size, since a machine depends on it. */
export const maxSessionBytes = 1_048_576

/** The columns that {@link read} needs, and the size that shows later whether the row is still the same. */
export const columns = "id, owner, version, schema_version, created_at, state, octet_length(state) AS bytes"

const encode = Often.compiled(
  SchemaAST.flip(SessionJson.ast),
  () => Schema.encodeResult(SessionJson)
)

const decode = Often.compiled(SessionJson.ast, () => Schema.decodeUnknownResult(SessionJson))

const failed = (id: string, why: string) =>
  Result.fail(storageFault("commit", `the session ${id} cannot be stored: ${why}`))

/** The text a write puts into its row; null deletes the row. */
export const textOf = (
  owner: Owner,
  { id, state, version }: Write
): Result.Result<string | null, AtlasError> => {
  if (state === null) return Result.succeed(null)
  if (state.spec.id !== id || state.spec.owner !== owner) return failed(id, "it is another session, or another owner's")
  const encoded = encode(state)
  if (Result.isFailure(encoded)) return failed(id, "it does not have the form of a session")
  const text = JSON.stringify(encoded.success)
  return version > 0 || Buffer.byteLength(text) <= maxSessionBytes
    ? Result.succeed(text)
    : failed(
      id,
      `it takes more than ${maxSessionBytes} bytes; shorten what its request holds, such as providerOpts or command`
    )
}

/** The same checks for a store that needs no text; only new sessions are encoded, to learn their size. */
export const check = (owner: Owner, write: Write): Result.Result<unknown, AtlasError> => {
  const { id, state, version } = write
  return version === 0 || state === null || state.spec.id !== id || state.spec.owner !== owner
    ? textOf(owner, write)
    : Result.void
}

/** The first step of the path to the wrong field; later steps may be keys that a caller chose. */
const fieldOf = (error: Schema.SchemaError): string => {
  const [step = ""] = (issuesOf(error)[0]?.path ?? "").split(/[.[]/)
  return step === "" ? "" : ` (at ${step})`
}

type JsonRecord = Readonly<Record<string, unknown>>

const isRecord = (value: unknown): value is JsonRecord =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** What version 1 called the causes that version 2 calls otherwise. */
const causesOfVersion1: Readonly<Record<string, TerminationCause>> = { twin: "duplicate", stray: "orphan" }

const upgradeTermination = (json: unknown): unknown => {
  if (!isRecord(json)) return json
  const { why } = json
  return typeof why === "string" && Object.hasOwn(causesOfVersion1, why)
    ? { ...json, why: causesOfVersion1[why] }
    : json
}

/** A session of version 1 as version 2 writes it; null for anything else, which is then refused when it is decoded. */
const upgradeFrom1 = (json: unknown): unknown => {
  if (!isRecord(json) || json["schemaVersion"] !== 1) return null
  const { buried, residuals, ...others } = json
  return {
    ...others,
    schemaVersion,
    pendingTerminations: Array.isArray(residuals) ? residuals.map(upgradeTermination) : residuals,
    terminatedIds: buried
  }
}

/** A column as an integer; null when it holds none. */
export const integerOf = (value: unknown): number | null => Number.isSafeInteger(Number(value)) ? Number(value) : null

/** A row that cannot be read, and why. */
export const unreadable = (row: Readonly<Record<string, unknown>>, message: string): Unreadable => ({
  id: String(row["id"]),
  message,
  version: integerOf(row["version"]) ?? 0,
  createdAt: integerOf(row["created_at"])
})

/**
 * The session of a row, or why there is none. A row of version 1 is read as one of version 2, and stays as it is in the
 * table until the session is committed again.
 */
export const read = (
  owner: Owner,
  row: Readonly<Record<string, unknown>>
): Result.Result<SessionState, Unreadable> => {
  const { id, schema_version, state, version } = row
  const failed = (message: string) => Result.fail(unreadable(row, message))
  const form = Number(schema_version)
  if (form !== schemaVersion && form !== 1) {
    return failed(`its form is version ${form}, and this build reads the versions 1 and ${schemaVersion}`)
  }
  let session = form === schemaVersion && typeof state === "string" ? Alike.read(state) : null
  if (session === null) {
    const json = Result.try((): unknown => JSON.parse(String(state)))
    if (Result.isFailure(json)) return failed("it is not JSON")
    const decoded = decode(form === 1 ? upgradeFrom1(json.success) : json.success)
    if (Result.isFailure(decoded)) {
      return failed(`it does not have the form of version ${form}${fieldOf(decoded.failure)}`)
    }
    session = decoded.success
  }
  const { spec } = session
  if (spec.id !== id || spec.owner !== owner) return failed("it holds another session, or another owner's")
  if (!Number.isSafeInteger(Number(version)) || Number(version) < 1) return failed("its row has no version")
  return Result.succeed(Alike.compact(session, Number(version)))
}
