/**
 * The same durable writes of sessions by `node:sqlite` alone: the peer of the SQLite store.
 */
import { DatabaseSync } from "node:sqlite"

/** What is written of a session: its id and the value whose JSON is the row. */
export interface RawRow {
  readonly id: string
  readonly state: unknown
}

/**
 * A file of one table like the store's, with the same index and durability. Its function overwrites rows in one transaction of
 * prepared statements, each over the version it has.
 */
export const makeRaw = (filename: string) => {
  const db = new DatabaseSync(filename)
  db.exec("PRAGMA journal_mode = WAL")
  db.exec("PRAGMA synchronous = FULL")
  db.exec(`CREATE TABLE sessions (
    id VARCHAR(64) NOT NULL PRIMARY KEY, owner VARCHAR(16) NOT NULL, version INTEGER NOT NULL,
    schema_version INTEGER NOT NULL, state TEXT NOT NULL, writer VARCHAR(32) NOT NULL,
    created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL)`)
  db.exec("CREATE INDEX sessions_owner ON sessions (owner, id, version, schema_version, (octet_length(state)))")
  const begin = db.prepare("BEGIN IMMEDIATE")
  const commit = db.prepare("COMMIT")
  const insert = db.prepare("INSERT INTO sessions VALUES (?, 'team1', 0, 2, '', 'raw', 0, 0)")
  const update = db.prepare(
    "UPDATE sessions SET version = ?, state = ?, updated_at = ? WHERE id = ? AND owner = 'team1' AND version = ?"
  )
  return {
    write: (rows: ReadonlyArray<RawRow>) => {
      for (const { id } of rows) insert.run(id)
      let version = 0
      return (times: number): void => {
        for (let i = 0; i < times; i++) {
          const now = Date.now()
          begin.run()
          for (const { id, state } of rows) {
            const { changes } = update.run(version + 1, JSON.stringify(state), now, id, version)
            if (changes !== 1) throw new Error("a row was lost")
          }
          commit.run()
          version += 1
        }
      }
    },
    close: () => db.close()
  }
}
