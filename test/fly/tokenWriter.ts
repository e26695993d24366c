/**
 * A process of its own that writes tokens into a directory until it is done or killed, and says what it has written.
 *
 * Arguments: the directory, then `loop` with the number to go on from, or `many` with a prefix and a count.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as AppName from "../../src/fly/AppName.ts"
import * as TokenStorage from "../../src/fly/TokenStorage.ts"

const [directory = "", mode = "", prefix = "", count = "0"] = process.argv.slice(2)

const say = (text: string) => Effect.sync(() => process.stdout.write(`${text}\n`))

/** A long token that tells its number at both ends, so that half of it is seen. */
const token = (number: number) => `FlyV1 fm2_${number}_${"a".repeat(20_000)}_${number}`

const put = Effect.fnUntraced(function*(app: string, key: TokenStorage.TokenKey, number: number) {
  const storage = yield* TokenStorage.TokenStorage
  const name = yield* AppName.decode(app, "test")
  yield* storage.put(name, key, { token: Redacted.make(token(number)), expiresAt: number })
})

const program = mode === "loop"
  ? Effect.gen(function*() {
    for (let number = Number(prefix) + 1;; number++) {
      yield* put("web", "cached", number)
      yield* put("web", "manual", number)
      yield* say(String(number))
    }
  })
  : Effect.forEach(
    Array.from({ length: Number(count) }, (_, index) => index),
    (index) =>
      Effect.andThen(
        put(`${prefix}-${index}`, "cached", index),
        index % 20 === 0 ? put("shared", "cached", index) : Effect.void
      ),
    { concurrency: 16, discard: true }
  )

await Effect.runPromise(
  Effect.provide(program, TokenStorage.layerFile({ directory }).pipe(Layer.provide(NodeServices.layer)))
)
