/**
 * The one seat of each owner: who sits there may write, and everybody else is told who does.
 *
 * What keeps others out depends on the database and is given up by a crash. The row beside it says who sits, and fences: a
 * process that has lost its seat without noticing writes nothing any more, because every commit looks whose the row is.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type * as SqlClient from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { hostname } from "node:os"
import type { AtlasError } from "../../domain/AtlasError.ts"
import * as Entropy from "../../domain/Entropy.ts"
import type { Owner } from "../../provider/NameStamp.ts"
import { guarded, occupied } from "./faults.ts"

/** What keeps others out. */
export interface Exclusion {
  /** Whether it could be had; it is held until the scope closes. `isStillOurs` is asked before it is taken anew. */
  readonly take: (
    owner: Owner,
    isStillOurs: Effect.Effect<boolean, SqlError>
  ) => Effect.Effect<boolean, SqlError | AtlasError, Scope.Scope>
}

/** The seats of a store. */
export interface Seats {
  readonly lock: (
    owner: Owner
  ) => Effect.Effect<{ readonly lostTo: Effect.Effect<string | null, SqlError> }, AtlasError, Scope.Scope>
  /** Who writes: the same for as long as a seat is held, and never again. */
  readonly writer: (owner: Owner) => string
  /** Inside the transaction of a commit: whether nobody has taken the seat from us. Without a seat row versions decide alone. */
  readonly mayWrite: (owner: Owner) => Effect.Effect<boolean, SqlError>
}

const newToken = Entropy.hex(16)

/** In the words of a refusal. */
export const describe = (
  holder: { readonly pid: unknown; readonly host: unknown; readonly since: unknown }
): string => {
  const since = Number(holder.since)
  const when = Number.isSafeInteger(since) ? ` since ${new Date(since).toISOString()}` : ""
  return `process ${Number(holder.pid)} on ${String(holder.host)}${when}`
}

/** This process, as a holder. */
export const self = Effect.map(Clock.currentTimeMillis, (since) => ({ pid: process.pid, host: hostname(), since }))

/** The seats in a database, kept by `exclusion`. */
export const make = (sql: SqlClient.SqlClient, exclusion: Exclusion): Effect.Effect<Seats> =>
  Effect.map(newToken, (unseated) => {
    const held = new Map<Owner, string>()
    const share = sql.onDialectOrElse({ pg: () => sql`FOR SHARE`, orElse: () => sql`` })

    const holder = (owner: Owner) =>
      Effect.map(
        sql`SELECT token, pid, host, since FROM atlas_session_seats WHERE owner = ${owner}`,
        ([row]) =>
          row === undefined
            ? null
            : { token: row["token"], text: describe({ pid: row["pid"], host: row["host"], since: row["since"] }) }
      )

    const sit = (owner: Owner, token: string) =>
      Effect.flatMap(
        self,
        ({ host, pid, since }) =>
          sql`INSERT INTO atlas_session_seats (owner, token, pid, host, since)
          VALUES (${owner}, ${token}, ${pid}, ${host}, ${since})
          ON CONFLICT (owner) DO UPDATE
          SET token = excluded.token, pid = excluded.pid, host = excluded.host, since = excluded.since`
      )

    const leave = (owner: Owner, token: string) =>
      Effect.suspend(() => {
        held.delete(owner)
        return Effect.ignore(
          guarded("lock", sql`DELETE FROM atlas_session_seats WHERE owner = ${owner} AND token = ${token}`)
        )
      })

    const take = (owner: Owner) =>
      Effect.gen(function*() {
        const token = yield* newToken
        const isStillOurs = Effect.map(holder(owner), (now) => now?.token === token)
        if (!(yield* exclusion.take(owner, isStillOurs))) {
          return yield* occupied(owner, (yield* holder(owner))?.text ?? "it has not said who it is")
        }
        yield* Effect.acquireRelease(
          Effect.andThen(sit(owner, token), Effect.sync(() => held.set(owner, token))),
          () => leave(owner, token)
        )
        const lostTo = Effect.map(
          holder(owner),
          (now) => now === null ? "nobody, the other one has left again" : now.token === token ? null : now.text
        )
        return { lostTo }
      })

    return {
      lock: (owner) =>
        Effect.gen(function*() {
          // what was taken before something failed is given back at once, however long the caller's scope is open
          const seat = yield* Scope.fork(yield* Effect.scope)
          return yield* guarded("lock", Scope.provide(take(owner), seat)).pipe(
            Effect.onError(() => Scope.close(seat, Exit.void))
          )
        }),
      writer: (owner) => held.get(owner) ?? unseated,
      mayWrite: (owner) =>
        Effect.gen(function*() {
          const token = held.get(owner)
          if (token === undefined) return true
          const [row] = yield* sql`SELECT token FROM atlas_session_seats WHERE owner = ${owner} ${share}`
          return row?.["token"] === token
        })
    }
  })
