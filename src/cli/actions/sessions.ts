/**
 * What `atlas sessions` does: prints the sessions on record, and changes nothing.
 */
import * as Effect from "effect/Effect"
import * as ForeignText from "../../domain/ForeignText.ts"
import * as SessionInfo from "../../orchestrator/SessionInfo.ts"
import { SessionStore } from "../../orchestrator/SessionStore.ts"
import { OwnerStore } from "../OwnerStore.ts"
import * as SessionView from "../SessionView.ts"
import { Shell } from "../Shell.ts"

/** Prints the sessions on record, the oldest first. */
export const list = (_: object) =>
  Effect.gen(function*() {
    const { err, hasColor: color, invocation, out } = yield* Shell
    const { owner, store } = yield* yield* OwnerStore
    const { sessions, unreadable } = yield* Effect.provide(SessionStore.use(({ load }) => load(owner)), store)
    const infos = yield* Effect.forEach(sessions.toSorted((a, b) => a.createdAt - b.createdAt), SessionInfo.now)
    yield* Effect.forEach(
      unreadable,
      ({ id, message }) =>
        err(
          `warning: session ${ForeignText.line(id)} cannot be read (${
            ForeignText.line(message)
          }); until it can, atlas reap ends no compute of this owner`
        ),
      { discard: true }
    )
    yield* out(
      invocation.json
        ? JSON.stringify(infos.map((info) => SessionView.toJson(info)))
        : infos.length === 0
        ? "no sessions"
        : SessionView.table(infos, { color })
    )
  })
