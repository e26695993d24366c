/**
 * The tables of sessions, made and changed step by step; a database that has taken a step never takes it again.
 */
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Migrator from "effect/sql/Migrator"
import * as SqlClient from "effect/sql/SqlClient"

/**
 * A row a session. Attempts stand beside their sessions, so that one is found without opening any; a seat says who writes
 * an owner's sessions, and is told to those who may not.
 */
const first = Effect.gen(function*() {
  const sql = yield* SqlClient.SqlClient
  yield* sql`CREATE TABLE atlas_sessions (
    id VARCHAR(64) NOT NULL PRIMARY KEY,
    owner VARCHAR(16) NOT NULL,
    version INTEGER NOT NULL,
    schema_version INTEGER NOT NULL,
    state TEXT NOT NULL,
    writer VARCHAR(32) NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
  )`
  yield* sql`CREATE INDEX atlas_sessions_owner ON atlas_sessions (owner, id, version, schema_version, (octet_length(state)))`
  yield* sql`CREATE TABLE atlas_session_attempts (
    attempt VARCHAR(12) NOT NULL,
    session VARCHAR(64) NOT NULL,
    owner VARCHAR(16) NOT NULL,
    PRIMARY KEY (attempt, session)
  )`
  yield* sql`CREATE INDEX atlas_session_attempts_session ON atlas_session_attempts (session)`
  yield* sql`CREATE TABLE atlas_session_seats (
    owner VARCHAR(16) NOT NULL PRIMARY KEY,
    token VARCHAR(32) NOT NULL,
    pid INTEGER NOT NULL,
    host VARCHAR(255) NOT NULL,
    since BIGINT NOT NULL
  )`
})

/** Two processes that start at once make the tables once; the one that came second looks again. */
const again = Schedule.spaced("50 millis")

/** Brings the tables to where this build wants them. */
export const migrate: Effect.Effect<void, unknown, SqlClient.SqlClient> = Migrator.make({})({
  loader: Migrator.fromRecord({ "1_sessions": first }),
  table: "atlas_session_migrations"
}).pipe(
  Effect.retry({ schedule: again, times: 4 }),
  Effect.asVoid
)
