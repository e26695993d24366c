/**
 * The statements of a commit: which rows are still as their writer read them, and the writes of those.
 */
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as SqlClient from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { Fragment } from "effect/sql/Statement"
import type { AtlasError } from "../../domain/AtlasError.ts"
import type { Owner } from "../../provider/NameStamp.ts"
import type { SessionId } from "../session/Ids.ts"
import { schemaVersion } from "../session/State.ts"
import * as Rows from "./rows.ts"
import { prepared } from "./statements.ts"
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

/** A write whose row is stored now, and the attempts that the table of attempts has of it, divided by commas. */
interface Updated {
  readonly row: PreparedRow
  readonly attempts: unknown
}

/** What became of the rows of a commit, as far as it is known. */
interface Sorted {
  readonly inserts: ReadonlyArray<PreparedRow>
  readonly updates: ReadonlyArray<Updated>
}

type Work<A> = Effect.Effect<A, SqlError>

/** Writes rows inside a transaction and answers the ids of those that it left alone. */
export interface Writer {
  (commit: Commit): Work<ReadonlyArray<SessionId>>
}

/** The statements of one database. */
export const make = (sql: SqlClient.SqlClient): Writer => {
  const isSqlite = sql.onDialectOrElse({ sqlite: () => true, orElse: () => false })
  const joined: Fragment = sql.onDialectOrElse({
    pg: () => sql`string_agg(attempt, ',')`,
    orElse: () => sql`group_concat(attempt, ',')`
  })
  const storedAttempts = sql`(SELECT ${joined} FROM atlas_session_attempts WHERE session = atlas_sessions.id)`
  const locked = sql.onDialectOrElse({ pg: () => sql`ORDER BY id FOR UPDATE`, orElse: () => sql`` })

  const insertOne = prepared(
    sql,
    sql`INSERT INTO atlas_sessions (id, owner, version, schema_version, state, writer, created_at, updated_at)
    VALUES (${""}, ${""}, 1, ${0}, ${""}, ${""}, ${0}, ${0}) ON CONFLICT (id) DO NOTHING RETURNING id`
  )
  const updateOne = prepared(
    sql,
    sql`UPDATE atlas_sessions SET version = version + 1, schema_version = ${0}, state = ${""}, writer = ${""},
    updated_at = ${0} WHERE id = ${""} AND owner = ${""} AND version = ${0} RETURNING ${storedAttempts}`
  )

  /** SQLite answers a statement without a round trip: rows that are as they were read need one each and no look before. */
  const writeEach = Effect.fnUntraced(
    function*({ now, owner, writer }: Commit, rows: ReadonlyArray<PreparedRow>) {
      const inserts: Array<PreparedRow> = []
      const updates: Array<Updated> = []
      const others: Array<PreparedRow> = []
      for (const row of rows) {
        const { id, text, version } = row
        if (text === null) others.push(row)
        else if (version === 0) {
          const made = yield* insertOne(id, owner, schemaVersion, text, writer, now, now)
          ;(made.length > 0 ? inserts : others).push(row)
        } else {
          const [found] = yield* updateOne(schemaVersion, text, writer, now, id, owner, version)
          if (found === undefined) others.push(row)
          else updates.push({ row, attempts: found[0] })
        }
      }
      return { inserts, updates, others }
    }
  )

  /** Sorts the writes by what is stored now. */
  const sort = Effect.fnUntraced(function*({ owner, writer }: Commit, rows: ReadonlyArray<PreparedRow>) {
    const stored = yield* sql`SELECT id, owner, version, writer, ${storedAttempts} AS attempts FROM atlas_sessions
    WHERE ${sql.in("id", rows.map(({ id }) => id))} ${locked}`
    const byId = new Map(stored.map((row) => [row["id"], row]))
    const inserts: Array<PreparedRow> = []
    const updates: Array<Updated> = []
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
        if (row.text === null) deletes.push(row)
        else updates.push({ row, attempts: known["attempts"] })
      } else if (version === row.version + 1 && row.text !== null && known["writer"] === writer) repeats.push(row)
      else lost.push(row.id)
    }
    return { inserts, updates, deletes, repeats, lost }
  })

  /** Of the repeated writes, whose first answer was lost, those that differ from what is stored. */
  const notRepeated = Effect.fnUntraced(function*(repeats: ReadonlyArray<PreparedRow>) {
    const rows = yield* sql`SELECT id, state FROM atlas_sessions WHERE ${sql.in("id", repeats.map(({ id }) => id))}`
    const stored = new Map(rows.map((row) => [row["id"], row["state"]]))
    return repeats.filter(({ id, text }) => stored.get(id) !== text).map(({ id }) => id)
  })

  const insert = Effect.fnUntraced(function*(commit: Commit, inserts: ReadonlyArray<PreparedRow>) {
    const rows: ReadonlyArray<Record<string, unknown>> = inserts.map((row) => rowOf(commit, row))
    if (!Arr.isReadonlyArrayNonEmpty(rows)) return []
    // a row that does not exist cannot be locked, so another process may have inserted it meanwhile
    const made = yield* sql`INSERT INTO atlas_sessions ${sql.insert(rows)} ON CONFLICT (id) DO NOTHING RETURNING id`
    const ids = new Set(made.map((row) => row["id"]))
    return inserts.filter(({ id }) => !ids.has(id)).map(({ id }) => id)
  })

  /** The rows exist and are locked, so every insert is a conflict and updates. */
  const update = (commit: Commit, updates: ReadonlyArray<Updated>): Work<void> => {
    const rows: ReadonlyArray<Record<string, unknown>> = updates.map(({ row }) => rowOf(commit, row))
    return !Arr.isReadonlyArrayNonEmpty(rows) ? Effect.void : Effect.asVoid(
      sql`INSERT INTO atlas_sessions ${sql.insert(rows)} ON CONFLICT (id) DO UPDATE SET
      version = excluded.version, schema_version = excluded.schema_version, state = excluded.state,
      writer = excluded.writer, updated_at = excluded.updated_at`
    )
  }

  const remove = (deletes: ReadonlyArray<PreparedRow>): Work<void> => {
    const ids = deletes.map(({ id }) => id)
    return ids.length === 0 ? Effect.void : Effect.andThen(
      sql`DELETE FROM atlas_session_attempts WHERE ${sql.in("session", ids)}`,
      Effect.asVoid(sql`DELETE FROM atlas_sessions WHERE ${sql.in("id", ids)}`)
    )
  }

  /** Updates the table of attempts: adds new ones and deletes those that a session no longer has. */
  const index = Effect.fnUntraced(function*({ owner }: Commit, { inserts, updates }: Sorted) {
    const fresh: Array<Record<string, unknown>> = []
    const add = (session: SessionId, attempts: Iterable<string>) => {
      for (const attempt of new Set(attempts)) fresh.push({ attempt, session, owner })
    }
    for (const { attempts, id } of inserts) add(id, attempts)
    for (const { attempts: stored, row: { attempts, id } } of updates) {
      // most writes of a session change none of its attempts
      if (stored === attempts.join(",")) continue
      const known = new Set(typeof stored === "string" ? stored.split(",") : [])
      const wanted = new Set(attempts)
      const gone = [...known].filter((attempt) => !wanted.has(attempt))
      if (gone.length > 0) {
        yield* sql`DELETE FROM atlas_session_attempts WHERE session = ${id} AND ${sql.in("attempt", gone)}`
      }
      add(id, attempts.filter((attempt) => !known.has(attempt)))
    }
    for (const some of Arr.chunksOf(fresh, attemptsAtOnce)) {
      if (!Arr.isReadonlyArrayNonEmpty(some)) continue
      yield* sql`INSERT INTO atlas_session_attempts ${sql.insert(some)} ON CONFLICT (attempt, session) DO NOTHING`
    }
  })

  /** Looks which rows may be written, and writes those together; answers the ids of the others. */
  const writeTogether = Effect.fnUntraced(function*(commit: Commit, rows: ReadonlyArray<PreparedRow>) {
    const { deletes, inserts, lost, repeats, updates } = yield* sort(commit, rows)
    if (repeats.length > 0) lost.push(...yield* notRepeated(repeats))
    const late = yield* insert(commit, inserts)
    lost.push(...late)
    yield* update(commit, updates)
    yield* remove(deletes)
    yield* index(commit, { inserts: inserts.filter(({ id }) => !late.includes(id)), updates })
    return lost
  })

  return Effect.fnUntraced(function*(commit) {
    const lost: Array<SessionId> = []
    for (const round of roundsOf(commit.rows)) {
      let left = round
      if (isSqlite) {
        const written = yield* writeEach(commit, round)
        yield* index(commit, written)
        left = written.others
      }
      for (const rows of Arr.chunksOf(left, rowsAtOnce)) lost.push(...yield* writeTogether(commit, rows))
    }
    return lost
  })
}
