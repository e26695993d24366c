/**
 * What `atlas sessions` does: prints the sessions on record, or forgets one.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { invalid } from "../../domain/AtlasError.ts"
import * as ForeignText from "../../domain/ForeignText.ts"
import * as SessionInfo from "../../orchestrator/SessionInfo.ts"
import { forget as forgetStored, loadAll, SessionStore } from "../../orchestrator/SessionStore.ts"
import type { Owner } from "../../provider/NameStamp.ts"
import * as ComputeName from "../ComputeName.ts"
import { OwnerStore } from "../OwnerStore.ts"
import * as SessionView from "../SessionView.ts"
import { Shell } from "../Shell.ts"
import { warn } from "../Warnings.ts"

const unsafe = /[^ -&(-~]/g

/** An id as a shell takes it and a terminal shows it: one that is more than a word as a JSON string, which `forget` reads. */
const typed = (id: string): string =>
  /^\w[\w.-]*$/.test(id)
    ? id
    : `'${JSON.stringify(id).replace(unsafe, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`)}'`

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
            `When its compute has been dealt with: atlas sessions forget ${typed(id)}`,
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

const decodeQuoted = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.String))

/** The id of the one session on record that is called so; what nothing is called stays as it was typed. */
const idOf = (stored: SessionStore["Service"], owner: Owner, called: string) =>
  Effect.gen(function*() {
    const { sessions, unreadable } = yield* loadAll(stored, owner)
    const infos = yield* Effect.forEach(sessions, SessionInfo.now)
    const candidates = [
      ...infos.map(({ id, name }) => ({ id, name, isOver: false })),
      ...unreadable.map(({ id }) => ({ id, name: null, isOver: false }))
    ]
    const written = Option.getOrElse(decodeQuoted(called), () => called)
    const chosen = ComputeName.choose(written, candidates, { acts: true, common: "", isOwn: () => true })
    return yield* Result.match(chosen, {
      onSuccess: (one) => Effect.succeed(one?.id ?? called),
      onFailure: (message) => Effect.fail(invalid("forget", [{ path: "id", message }]))
    })
  })

/** Deletes the record of a session that cannot be read, or that is over. */
export const forget = ({ id: called }: { readonly id: string }) =>
  Effect.gen(function*() {
    const { invocation, out } = yield* Shell
    const { owner, store } = yield* yield* OwnerStore
    const id = yield* Effect.provide(
      SessionStore.use((stored) =>
        Effect.as(forgetStored(stored, owner, called), called).pipe(
          Effect.catchReason("AtlasError", "NotTracked", () =>
            Effect.flatMap(idOf(stored, owner, called), (id) => Effect.as(forgetStored(stored, owner, id), id)))
        )
      ),
      store
    )
    yield* out(invocation.json ? JSON.stringify({ id }) : `forgot ${ForeignText.line(id)}`)
  })
