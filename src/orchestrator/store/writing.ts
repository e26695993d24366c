/**
 * A commit: which rows are still as their writer read them, and the statements that write those.
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

/** Rows and attempts a statement holds at most, far below what any database takes in parameters. */
const rowsAtOnce = 100
const attemptsAtOnce = 1_000

/** A write whose text is made. */
export interface RowDraft {
  readonly id: SessionId
  readonly version: number
  readonly text: string | null
  readonly bytes: number | null
  readonly attempts: ReadonlyArray<string>
}

/** What all writes of a commit have in common. */
export interface Commit {
  readonly owner: Owner
  readonly drafts: ReadonlyArray<RowDraft>
  /** Wall clock. */
  readonly now: number
  readonly writer: string
}

/** Makes the texts; one that cannot be made fails them all. */
export const draft = (owner: Owner, writes: ReadonlyArray<Write>): Result.Result<ReadonlyArray<RowDraft>, AtlasError> =>
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

/** Each id once in a round: a second write of a row sees what the first has made of it. */
const roundsOf = (drafts: ReadonlyArray<RowDraft>): ReadonlyArray<ReadonlyArray<RowDraft>> => {
  const rounds: Array<Array<RowDraft>> = []
  const seen = new Map<string, number>()
  for (const one of drafts) {
    const round = seen.get(one.id) ?? 0
    seen.set(one.id, round + 1)
    const wanted = rounds[round] ?? []
    rounds[round] = wanted
    wanted.push(one)
  }
  return rounds
}

const rowOf = (
  { now, owner, writer }: Commit,
  { id, text, version }: RowDraft
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

/** What is to be done with each draft, by what its row is now. */
const sort = Effect.fnUntraced(
  function*(sql: SqlClient.SqlClient, { owner, writer }: Commit, drafts: ReadonlyArray<RowDraft>) {
    const locked = sql.onDialectOrElse({ pg: () => sql`ORDER BY id FOR UPDATE`, orElse: () => sql`` })
    const rows = yield* sql`SELECT id, owner, version, writer FROM atlas_sessions
    WHERE ${sql.in("id", drafts.map(({ id }) => id))} ${locked}`
    const byId = new Map(rows.map((row) => [row["id"], row]))
    const inserts: Array<RowDraft> = []
    const updates: Array<RowDraft> = []
    const deletes: Array<RowDraft> = []
    const repeats: Array<RowDraft> = []
    const lost: Array<SessionId> = []
    for (const one of drafts) {
      const row = byId.get(one.id)
      const is = Number(row?.["version"])
      if (row === undefined) {
        if (one.text !== null && one.version === 0) inserts.push(one)
        else if (one.text !== null) lost.push(one.id)
      } else if (row["owner"] !== owner) lost.push(one.id)
      else if (is === one.version) (one.text === null ? deletes : updates).push(one)
      else if (is === one.version + 1 && one.text !== null && row["writer"] === writer) repeats.push(one)
      else lost.push(one.id)
    }
    return { inserts, updates, deletes, repeats, lost }
  }
)

/** The very same write again, whose answer was lost: it counts as written. */
const notRepeated = Effect.fnUntraced(function*(sql: SqlClient.SqlClient, repeats: ReadonlyArray<RowDraft>) {
  const rows = yield* sql`SELECT id, state FROM atlas_sessions WHERE ${sql.in("id", repeats.map(({ id }) => id))}`
  const stored = new Map(rows.map((row) => [row["id"], row["state"]]))
  return repeats.filter(({ id, text }) => stored.get(id) !== text).map(({ id }) => id)
})

const insert = Effect.fnUntraced(function*(sql: SqlClient.SqlClient, commit: Commit, inserts: ReadonlyArray<RowDraft>) {
  const rows: ReadonlyArray<Record<string, unknown>> = inserts.map((one) => rowOf(commit, one))
  if (!Arr.isReadonlyArrayNonEmpty(rows)) return []
  // somebody may have been quicker where rows that are not there cannot be locked
  const made = textsOf(
    yield* sql`INSERT INTO atlas_sessions ${sql.insert(rows)} ON CONFLICT (id) DO NOTHING RETURNING id`,
    "id"
  )
  return inserts.filter(({ id }) => !made.has(id)).map(({ id }) => id)
})

/** The rows are there and locked, so all of these are conflicts. */
const update = (sql: SqlClient.SqlClient, commit: Commit, updates: ReadonlyArray<RowDraft>): Work<void> => {
  const rows: ReadonlyArray<Record<string, unknown>> = updates.map((one) => rowOf(commit, one))
  return !Arr.isReadonlyArrayNonEmpty(rows) ? Effect.void : Effect.asVoid(
    sql`INSERT INTO atlas_sessions ${sql.insert(rows)} ON CONFLICT (id) DO UPDATE SET
      version = excluded.version, schema_version = excluded.schema_version, state = excluded.state,
      writer = excluded.writer, updated_at = excluded.updated_at`
  )
}

const remove = (sql: SqlClient.SqlClient, deletes: ReadonlyArray<RowDraft>): Work<void> => {
  const ids = deletes.map(({ id }) => id)
  return ids.length === 0 ? Effect.void : Effect.andThen(
    sql`DELETE FROM atlas_session_attempts WHERE ${sql.in("session", ids)}`,
    Effect.asVoid(sql`DELETE FROM atlas_sessions WHERE ${sql.in("id", ids)}`)
  )
}

/** Attempts beside their sessions: what is new, and without what is not there any more. */
const index = Effect.fnUntraced(function*(
  sql: SqlClient.SqlClient,
  { owner }: Commit,
  { inserts, updates }: { readonly inserts: ReadonlyArray<RowDraft>; readonly updates: ReadonlyArray<RowDraft> }
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

/** Inside a transaction: writes what may be written and answers the rest. */
export const write = Effect.fnUntraced(function*(
  sql: SqlClient.SqlClient,
  commit: Commit
): Effect.fn.Return<ReadonlyArray<SessionId>, SqlError> {
  const lost: Array<SessionId> = []
  for (const drafts of roundsOf(commit.drafts).flatMap((round) => Arr.chunksOf(round, rowsAtOnce))) {
    const sorted = yield* sort(sql, commit, drafts)
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
