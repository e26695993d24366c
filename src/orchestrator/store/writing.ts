/**
 * The statements of a commit: which rows are still as their writer read them, and the writes of those.
 */
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as SqlClient from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { AtlasError } from "../../domain/AtlasError.ts"
import type { Owner } from "../../provider/NameStamp.ts"
import type { SessionId } from "../session/Ids.ts"
import { schemaVersion } from "../session/State.ts"
import * as Rows from "./rows.ts"
import type { Write } from "./StoreContract.ts"

/** Most rows and attempts in one statement, far below any database's limit of parameters. */
const rowsAtOnce = 100
const attemptsAtOnce = 1_000

/** A write, encoded. */
export interface PreparedRow {
  readonly id: SessionId
  readonly version: number
  readonly text: string | null
  readonly bytes: number | null
  readonly attempts: ReadonlyArray<string>
}

/** A commit: its rows, and what they have in common. */
export interface Commit {
  readonly owner: Owner
  readonly rows: ReadonlyArray<PreparedRow>
  /** Milliseconds of the wall clock. */
  readonly now: number
  readonly writer: string
}

/** Encodes the writes; fails when one cannot be encoded. */
export const prepare = (
  owner: Owner,
  writes: ReadonlyArray<Write>
): Result.Result<ReadonlyArray<PreparedRow>, AtlasError> =>
  Result.all(writes.map((write) =>
    Result.map(Rows.textOf(owner, write), (text) => ({
      id: write.id,
      version: write.version,
      text,
      bytes: text === null ? null : Buffer.byteLength(text),
      attempts: write.state?.attempts.map(({ id }) => id) ?? []
    }))
  ))

type Work<A> = Effect.Effect<A, SqlError>

/** Splits the rows so that each id is once in a round: a second write of a row follows the first. */
const roundsOf = (rows: ReadonlyArray<PreparedRow>): ReadonlyArray<ReadonlyArray<PreparedRow>> => {
  const rounds: Array<Array<PreparedRow>> = []
  const seen = new Map<string, number>()
  for (const row of rows) {
    const number = seen.get(row.id) ?? 0
    seen.set(row.id, number + 1)
    const round = rounds[number] ?? []
    rounds[number] = round
    round.push(row)
  }
  return rounds
}

const rowOf = (
  { now, owner, writer }: Commit,
  { id, text, version }: PreparedRow
): Readonly<Record<string, unknown>> => ({
  id,
  owner,
  version: version + 1,
  schema_version: schemaVersion,
  state: text,
  writer,
  created_at: now,
  updated_at: now
})

const textsOf = (rows: ReadonlyArray<Readonly<Record<string, unknown>>>, column: string): ReadonlySet<unknown> =>
  new Set(rows.map((row) => row[column]))

/** Sorts the writes by what is stored now. */
const sort = Effect.fnUntraced(
  function*(sql: SqlClient.SqlClient, { owner, writer }: Commit, rows: ReadonlyArray<PreparedRow>) {
    const locked = sql.onDialectOrElse({ pg: () => sql`ORDER BY id FOR UPDATE`, orElse: () => sql`` })
    const stored = yield* sql`SELECT id, owner, version, writer FROM atlas_sessions
    WHERE ${sql.in("id", rows.map(({ id }) => id))} ${locked}`
    const byId = new Map(stored.map((row) => [row["id"], row]))
    const inserts: Array<PreparedRow> = []
    const updates: Array<PreparedRow> = []
    const deletes: Array<PreparedRow> = []
    const repeats: Array<PreparedRow> = []
    const lost: Array<SessionId> = []
    for (const row of rows) {
      const known = byId.get(row.id)
      const version = Rows.integerOf(known?.["version"]) ?? 0
      if (known === undefined) {
        if (row.text !== null && row.version === 0) inserts.push(row)
        else if (row.text !== null) lost.push(row.id)
      } else if (known["owner"] !== owner) lost.push(row.id)
      // a row that was damaged by hand may have no version; it is deleted as version 0
      else if (version === row.version && (version > 0 || row.text === null)) {
        ;(row.text === null ? deletes : updates).push(row)
      } else if (version === row.version + 1 && row.text !== null && known["writer"] === writer) repeats.push(row)
      else lost.push(row.id)
    }
    return { inserts, updates, deletes, repeats, lost }
  }
)

/** Of the repeated writes, whose first answer was lost, those that differ from what is stored. */
const notRepeated = Effect.fnUntraced(function*(sql: SqlClient.SqlClient, repeats: ReadonlyArray<PreparedRow>) {
  const rows = yield* sql`SELECT id, state FROM atlas_sessions WHERE ${sql.in("id", repeats.map(({ id }) => id))}`
  const stored = new Map(rows.map((row) => [row["id"], row["state"]]))
  return repeats.filter(({ id, text }) => stored.get(id) !== text).map(({ id }) => id)
})

const insert = Effect.fnUntraced(
  function*(sql: SqlClient.SqlClient, commit: Commit, inserts: ReadonlyArray<PreparedRow>) {
    const rows: ReadonlyArray<Record<string, unknown>> = inserts.map((row) => rowOf(commit, row))
    if (!Arr.isReadonlyArrayNonEmpty(rows)) return []
    // a row that does not exist cannot be locked, so another process may have inserted it meanwhile
    const made = textsOf(
      yield* sql`INSERT INTO atlas_sessions ${sql.insert(rows)} ON CONFLICT (id) DO NOTHING RETURNING id`,
      "id"
    )
    return inserts.filter(({ id }) => !made.has(id)).map(({ id }) => id)
  }
)

/** The rows exist and are locked, so every insert is a conflict and updates. */
const update = (sql: SqlClient.SqlClient, commit: Commit, updates: ReadonlyArray<PreparedRow>): Work<void> => {
  const rows: ReadonlyArray<Record<string, unknown>> = updates.map((row) => rowOf(commit, row))
  return !Arr.isReadonlyArrayNonEmpty(rows) ? Effect.void : Effect.asVoid(
    sql`INSERT INTO atlas_sessions ${sql.insert(rows)} ON CONFLICT (id) DO UPDATE SET
      version = excluded.version, schema_version = excluded.schema_version, state = excluded.state,
      writer = excluded.writer, updated_at = excluded.updated_at`
  )
}

const remove = (sql: SqlClient.SqlClient, deletes: ReadonlyArray<PreparedRow>): Work<void> => {
  const ids = deletes.map(({ id }) => id)
  return ids.length === 0 ? Effect.void : Effect.andThen(
    sql`DELETE FROM atlas_session_attempts WHERE ${sql.in("session", ids)}`,
    Effect.asVoid(sql`DELETE FROM atlas_sessions WHERE ${sql.in("id", ids)}`)
  )
}

/** Updates the table of attempts: adds new ones and deletes those that a session no longer has. */
const index = Effect.fnUntraced(function*(
  sql: SqlClient.SqlClient,
  { owner }: Commit,
  { inserts, updates }: { readonly inserts: ReadonlyArray<PreparedRow>; readonly updates: ReadonlyArray<PreparedRow> }
) {
  const rows = updates.length === 0
    ? []
    : yield* sql`SELECT session, attempt FROM atlas_session_attempts WHERE ${
      sql.in("session", updates.map(({ id }) => id))
    }`
  const stored = Map.groupBy(rows, (row) => row["session"])
  for (const { attempts, id } of updates) {
    const wanted = new Set<unknown>(attempts)
    const gone = (stored.get(id) ?? []).map((row) => row["attempt"]).filter((attempt) => !wanted.has(attempt))
    if (gone.length > 0) {
      yield* sql`DELETE FROM atlas_session_attempts WHERE session = ${id} AND ${sql.in("attempt", gone)}`
    }
  }
  const fresh = [...inserts, ...updates].flatMap(({ attempts, id }) => {
    const known = textsOf(stored.get(id) ?? [], "attempt")
    return [...new Set(attempts)].filter((attempt) => !known.has(attempt)).map((attempt) => ({
      attempt,
      session: id,
      owner
    }))
  })
  for (const some of Arr.chunksOf(fresh, attemptsAtOnce)) {
    if (!Arr.isReadonlyArrayNonEmpty(some)) continue
    yield* sql`INSERT INTO atlas_session_attempts ${sql.insert(some)} ON CONFLICT (attempt, session) DO NOTHING`
  }
})

/** Inside a transaction: writes the rows that may be written and answers the ids of the others. */
export const write = Effect.fnUntraced(function*(
  sql: SqlClient.SqlClient,
  commit: Commit
): Effect.fn.Return<ReadonlyArray<SessionId>, SqlError> {
  const lost: Array<SessionId> = []
  for (const rows of roundsOf(commit.rows).flatMap((round) => Arr.chunksOf(round, rowsAtOnce))) {
    const sorted = yield* sort(sql, commit, rows)
    lost.push(...sorted.lost)
    if (sorted.repeats.length > 0) lost.push(...yield* notRepeated(sql, sorted.repeats))
    const late = yield* insert(sql, commit, sorted.inserts)
    lost.push(...late)
    yield* update(sql, commit, sorted.updates)
    yield* remove(sql, sorted.deletes)
    const { updates } = sorted
    yield* index(sql, commit, { inserts: sorted.inserts.filter(({ id }) => !late.includes(id)), updates })
  }
  return lost
})
