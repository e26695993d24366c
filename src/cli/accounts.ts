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
      if (!isId(id) || words.includes(id)) {
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
      const key = AccountId.variable(id, "API_KEY")
      const other = [...taken, ...found.map((one) => one.id)].find((one) => AccountId.variable(one, "API_KEY") === key)
      if (other !== undefined) return yield* refuse(`${other} and ${id} would both have the key in ${key}`)
      found.push({ id, cloud })
    }
    return found
  })
