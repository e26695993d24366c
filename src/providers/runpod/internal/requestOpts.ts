/** What RunPod can do for a request beside the fields that all clouds share, as fields of its own create. */
import * as Effect from "effect/Effect"
import { Validation } from "../../../domain/AtlasError.ts"
import type { RequestOpts } from "../../../provider/Adapter.ts"
import * as Calls from "../schema/calls.ts"
import type { Wire } from "./edge.ts"

const refuse = (path: string, message: string) => Effect.fail(new Validation({ issues: [{ path, message }] }))

export const requestOptsOf = (wire: Wire): RequestOpts => {
  const listRegistries = wire.ask(Calls.listRegistries)
  return {
    minCuda: (version) =>
      /^\d{1,2}\.\d{1,2}$/.test(version)
        ? Effect.succeed({ gpu: { minCudaVersion: version } })
        : refuse("minCuda", "Expected a CUDA version such as 12.8"),
    registryAuth: (name, call) =>
      Effect.gen(function*() {
        const { registries } = yield* listRegistries({}, call)
        const found = registries.filter((one) => one.id === name || one.name === name)
        const [only] = found
        if (only !== undefined && found.length === 1) return { registry: only.id }
        if (only !== undefined) {
          const ids = found.map(({ id }) => id).join(", ")
          return yield* refuse("registryAuth", `${found.length} credentials have this name; give the id of one: ${ids}`)
        }
        const known = registries.map((one) => one.name).join(", ")
        return yield* refuse(
          "registryAuth",
          `the account has no such registry credential; ${known === "" ? "it has none" : `it has: ${known}`}`
        )
      })
  }
}
