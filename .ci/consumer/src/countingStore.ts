/**
 * A session store of one's own: another one, whose commits are counted.
 */
import { SessionStore } from "effect-atlas/orchestrator"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"

export class Commits extends Context.Service<Commits, Ref.Ref<number>>()("consumer/Commits") {}

export const layer = Layer.effect(
  SessionStore.SessionStore,
  Effect.gen(function*() {
    const store = yield* SessionStore.SessionStore
    const commits = yield* Commits
    return SessionStore.SessionStore.of({
      ...store,
      commit: (owner, writes) => Effect.tap(store.commit(owner, writes), () => Ref.update(commits, (n) => n + 1))
    })
  })
).pipe(Layer.provide(SessionStore.layerMemory), Layer.provideMerge(Layer.effect(Commits, Ref.make(0))))
