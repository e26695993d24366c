/**
 * `--opt path=JSON`: fields as the cloud itself names them, put together into one object. Values may be secrets and are never
 * repeated.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import { invalid, type Issue } from "../domain/AtlasError.ts"

/** An object of the options. */
export type Fields = Readonly<Record<string, Schema.Json>>

/** Fields that a flag stands for, such as `--cuda`. */
export interface Given {
  readonly flag: string
  readonly fields: Fields
}

const isFields = (value: Schema.Json | undefined): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** No cloud's options are nested so deeply, and walking through more of it could exhaust the stack. */
const deepest = 32

/** Whether a name in it would reach what all objects share, or it is too deep to tell. */
const isHarmful = (value: Schema.Json, depth = 0): boolean =>
  typeof value === "object" && value !== null && (depth > deepest
    || Object.entries(value).some(([name, inner]: [string, Schema.Json]) =>
      name === "__proto__" || isHarmful(inner, depth + 1)
    ))

const decode = (text: string): Result.Result<Given, Issue> => {
  const at = text.indexOf("=")
  const path = at === -1 ? text : text.slice(0, at)
  const names = path.split(".")
  // what stands before the first = is a path, or a secret that was typed in the wrong place
  if (at === -1 || !names.every((name) => /^[A-Za-z_][\w-]*$/.test(name))) {
    return Result.fail({
      path: "--opt",
      message: "give PATH=JSON with names divided by dots, such as --opt gpu.minRamPerGpu=32"
    })
  }
  const flag = `--opt ${path}`
  let value: Schema.Json
  try {
    // what JSON.parse answers is JSON
    value = JSON.parse(text.slice(at + 1)) as Schema.Json
  } catch {
    return Result.fail({ path: flag, message: `is not JSON; text needs quotes of its own: --opt '${path}="text"'` })
  }
  if (names.includes("__proto__") || isHarmful(value)) {
    return Result.fail({ path: flag, message: "is nested too deeply, or names __proto__, which is no option" })
  }
  return Result.succeed({
    flag,
    fields: names.reduceRight<Schema.Json>((inner, name) => ({ [name]: inner }), value) as Fields
  })
}

/** Both together; a field that both set is named in `twice`. */
const merged = (under: Fields, over: Fields, path: string, twice: Array<string>): Fields => ({
  ...under,
  ...Object.fromEntries(
    Object.entries(over).map(([name, value]) => {
      const below = Object.hasOwn(under, name) ? under[name] : undefined
      if (below === undefined) return [name, value]
      if (isFields(below) && isFields(value)) return [name, merged(below, value, `${path}${name}.`, twice)]
      twice.push(`${path}${name}`)
      return [name, value]
    })
  )
})

/** The options of all flags as one object; one that is set twice fails as `Validation`. */
export const read = (typed: ReadonlyArray<string>, others: ReadonlyArray<Given>, operation: string) =>
  Effect.gen(function*() {
    const decoded = typed.map(decode)
    const issues = decoded.flatMap((one) => Result.isFailure(one) ? [one.failure] : [])
    let all: Fields = {}
    for (
      const { fields, flag } of [
        ...others,
        ...decoded.flatMap((one) => Result.isSuccess(one) ? [one.success] : [])
      ]
    ) {
      const twice: Array<string> = []
      all = merged(all, fields, "", twice)
      for (const path of twice) issues.push({ path: flag, message: `${path} is set twice: leave one of the two out` })
    }
    return issues.length > 0 ? yield* invalid(operation, issues) : all
  })
