/**
 * Web Crypto answers in a later turn of the event loop, and a simulation has none: while it plays, digests are there at once.
 *
 * @since 0.1.0
 */
import { createHash } from "node:crypto"

/** A promise that is kept already: what waits for it goes on before `then` returns. */
const kept = <A>(value: A): Promise<A> =>
  // oxlint-disable-next-line unicorn/no-thenable -- nothing awaits it: Effect calls `then` itself
  Object.defineProperty(Promise.resolve(value), "then", { value: (goOn: (value: A) => void) => goOn(value) })

/**
 * Runs something while digests are there at once.
 *
 * @category running
 * @since 0.1.0
 */
export const atOnce = <A>(play: () => A): A => {
  const { subtle } = globalThis.crypto
  Object.defineProperty(subtle, "digest", {
    configurable: true,
    value: (_algorithm: string, data: Uint8Array) =>
      kept(Uint8Array.from(createHash("sha256").update(data).digest()).buffer)
  })
  try {
    return play()
  } finally {
    Reflect.deleteProperty(subtle, "digest")
  }
}
