/**
 * What `atlas sessions` does: prints the sessions on record, or forgets one.
 */
import * as Effect from "effect/Effect"
import * as ForeignText from "../../domain/ForeignText.ts"
import * as SessionInfo from "../../orchestrator/SessionInfo.ts"
import { forget as forgetStored, loadAll, SessionStore } from "../../orchestrator/SessionStore.ts"
import { OwnerStore } from "../OwnerStore.ts"
import * as SessionView from "../SessionView.ts"
import { Shell } from "../Shell.ts"
import { warn } from "../Warnings.ts"

/** Prints the sessions on record, the oldest first. */
export const list = (_: object) =>
  Effect.gen(function*() {
    const { hasColor: color, invocation, out } = yield* Shell
    const { owner, store } = yield* yield* OwnerStore
    const { sessions, unreadable } = yield* Effect.provide(SessionStore.use((stored) => loadAll(stored, owner)), store)
    const infos = yield* Effect.forEach(sessions.toSorted((a, b) => a.createdAt - b.createdAt), SessionInfo.now)
    yield* Effect.forEach(
      unreadable,
      ({ id, message }) =>
        warn(
          `session ${ForeignText.line(id)} cannot be read (${
            ForeignText.line(message)
          }); until it can, atlas reap ends no compute that may be its own. ` +
            `When its compute has been dealt with: atlas sessions forget ${ForeignText.line(id)}`,
          { id }
        ),
      { discard: true }
    )
    yield* out(
      invocation.json
        ? JSON.stringify([
          ...infos.map((info) => SessionView.toJson(info)),
          ...unreadable.map(SessionView.unreadableToJson)
        ])
        : infos.length + unreadable.length === 0
        ? "no sessions"
        : SessionView.table(infos, unreadable, { color })
    )
  })

/** Deletes the record of a session that cannot be read, or that is over. */
export const forget = ({ id }: { readonly id: string }) =>
  Effect.gen(function*() {
    const { invocation, out } = yield* Shell
    const { owner, store } = yield* yield* OwnerStore
    yield* Effect.provide(SessionStore.use((stored) => forgetStored(stored, owner, id)), store)
    yield* out(invocation.json ? JSON.stringify({ id }) : `forgot ${id}`)
  })
