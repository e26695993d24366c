/** Stop and start, which RunPod refuses of a pod that is so already, also where an unanswered request of ours has made it so. */
import * as Effect from "effect/Effect"
import type { AtlasErrorReason } from "../../../domain/AtlasError.ts"
import type { ComputeStatus } from "../../../domain/Compute.ts"
import type { PowerAdapter } from "../../../provider/Adapter.ts"
import { Call } from "../../../provider/Call.ts"
import type { Wire } from "./edge.ts"
import { calls } from "./podFacts.ts"
import { toStatus } from "./translate.ts"

/** Whether the server says that it did nothing; one that failed, or was not understood, may have done it. */
const isRefusal = (reason: AtlasErrorReason): boolean =>
  typeof reason.status === "number" && reason.status >= 400 && reason.status < 500

export const make = (wire: Wire): PowerAdapter => {
  const [act, get] = [wire.ask(calls.podAction), wire.ask(calls.getPod)]

  const once = (action: "start" | "stop", wanted: ReadonlyArray<ComputeStatus>) => (id: string, call: Call) => {
    const ask = (retries: number | null) => Effect.asVoid(act({ id, body: { action } }, new Call({ ...call, retries })))
    /** Succeeds where the pod is as it was to be, whatever the answer was. */
    const look = (reason: AtlasErrorReason) =>
      Effect.matchEffect(get({ id }, call), {
        onFailure: () => Effect.fail(reason),
        onSuccess: ({ status }) => wanted.includes(toStatus(status)) ? Effect.void : Effect.fail(reason)
      })
    return ask(0).pipe(
      Effect.catchIf((reason) => !isRefusal(reason), look),
      Effect.catchIf(
        ({ isRetryable }) => isRetryable && call.retries !== 0,
        () => Effect.catch(ask(call.retries), look)
      )
    )
  }

  return { stop: once("stop", ["stopped"]), start: once("start", ["provisioning", "running"]) }
}
