/**
 * Variables of a container as they are typed: `K=V`, or `K` with the value it has in the environment of atlas, so that no
 * secret is typed; and those of files.
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { invalid, type Issue } from "../domain/AtlasError.ts"
import * as EnvFile from "./EnvFile.ts"
import { Shell } from "./Shell.ts"

/**
 * The variables by name; what is typed counts more than what `files` hold. A `K` that is not set in the environment of atlas
 * fails as `Validation`.
 */
export const read = (typed: ReadonlyArray<string>, operation: string, files: ReadonlyArray<string> = []) =>
  Effect.gen(function*() {
    const { variable } = yield* Shell
    const issues: Array<Issue> = []
    const entries: Array<readonly [string, Redacted.Redacted]> = [...yield* EnvFile.read(files, operation)]
    for (const text of typed) {
      const at = text.indexOf("=")
      const name = at === -1 ? text : text.slice(0, at)
      const value = at === -1 ? variable(name) : text.slice(at + 1)
      if (value === undefined) {
        issues.push({
          path: `env.${name}`,
          message: "is not set in this environment: set it there, or give its value as NAME=VALUE"
        })
      } else entries.push([name, Redacted.make(value)])
    }
    return issues.length > 0 ? yield* invalid(operation, issues) : Object.fromEntries(entries)
  })
