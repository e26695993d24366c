/**
 * Further accounts of a cloud, as `ATLAS_ACCOUNTS` names them: `ID=CLOUD`, with commas between.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { ProviderId } from "../domain/Ids.ts"
import * as Setting from "../domain/Setting.ts"
import * as AccountId from "../provider/AccountId.ts"
import { misused } from "./Flags.ts"

const variable = "ATLAS_ACCOUNTS"

/** What flags and settings mean by these is no account. */
const words = ["any", "all", "none"]

/** What an account reads for itself: the address of one may have the name of the address of another one's jobs. */
const settings = ["API_KEY", "BASE_URL", "RUNTIME_BASE_URL"]
const variables = (id: string) => settings.map((setting) => AccountId.variable(id, setting))

/** An account, and the cloud it is one of. */
export interface Named<Cloud extends string> {
  readonly id: string
  readonly cloud: Cloud
}

const isId = Schema.is(ProviderId)

const refuse = (message: string) => Effect.fail(misused(null, `${variable}: ${message}`))

/** The accounts of these clouds; what cannot be one is bad usage. `taken` are the ids of the other providers. */
export const read = <Cloud extends string>(clouds: ReadonlyArray<Cloud>, taken: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const found: Array<Named<Cloud>> = []
    const text = (yield* Setting.read(variable)) ?? ""
    for (const part of text.split(",").map((one) => one.trim()).filter((one) => one !== "")) {
      const [id = "", kind, ...rest] = part.split("=").map((word) => word.trim())
      if (kind === undefined || rest.length > 0) {
        return yield* refuse(
          `write each account as ID=CLOUD, such as ${clouds[0]}-eu=${clouds[0]}, with commas between`
        )
      }
      if (words.includes(id)) return yield* refuse(`${id} means something else where a provider is named`)
      if (!isId(id)) {
        return yield* refuse(
          `${JSON.stringify(id)} can be no id of an account: a lower-case letter, then up to 31 of a-z, 0-9, _ and -`
        )
      }
      const cloud = clouds.find((one) => one === kind)
      if (cloud === undefined) {
        return yield* refuse(
          `${JSON.stringify(kind)} is no cloud with several accounts; there is: ${clouds.join(", ")}`
        )
      }
      if (taken.includes(id)) return yield* refuse(`${id} is another provider's id`)
      if (found.some((one) => one.id === id)) return yield* refuse(`${id} is there twice`)
      const own = variables(id)
      for (const other of [...taken, ...found.map((one) => one.id)]) {
        const shared = variables(other).find((name) => own.includes(name))
        if (shared !== undefined) return yield* refuse(`${other} and ${id} would both read ${shared}`)
      }
      found.push({ id, cloud })
    }
    return found
  })
