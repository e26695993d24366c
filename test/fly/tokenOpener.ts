/**
 * A process of its own, and perhaps of another user, that reads and writes the tokens of the app web in a directory and says how
 * that went, as one line of JSON.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import { AppName } from "../../src/fly/AppName.ts"
import type { FlyError } from "../../src/fly/FlyError.ts"
import * as TokenStorage from "../../src/fly/TokenStorage.ts"

const [directory = ""] = process.argv.slice(2)
const web = AppName.make("web")

const warnings: Array<string> = []
const logger = Logger.make(({ message }) => void warnings.push(String(message)))

const outcome = <A>(effect: Effect.Effect<A, FlyError>, show: (value: A) => unknown) =>
  Effect.match(effect, { onFailure: ({ message }) => message, onSuccess: show })

const text = (found: TokenStorage.StoredToken | null) => found && Redacted.value(found.token)

const program = TokenStorage.TokenStorage.use((storage) =>
  Effect.gen(function*() {
    const token = { token: Redacted.make("fm2_new"), expiresAt: 4_000_000_000 }
    return {
      manual: yield* outcome(storage.get(web, "manual"), text),
      cached: yield* outcome(storage.get(web, "cached"), text),
      put: yield* outcome(storage.put(web, "cached", token), () => "written"),
      again: yield* outcome(storage.get(web, "cached"), text),
      set: yield* outcome(storage.put(web, "manual", token), () => "written")
    }
  })
).pipe(
  Effect.provide(TokenStorage.layerFile({ directory }).pipe(Layer.provide(NodeServices.layer))),
  Effect.matchEffect({
    onFailure: ({ message }) => Effect.succeed({ failed: message }),
    onSuccess: Effect.succeed
  }),
  Effect.provide(Logger.layer([logger]))
)

const result = await Effect.runPromise(program)
process.stdout.write(`${JSON.stringify({ ...result, warnings })}\n`)
