/** What RunPod means by its words of refusal, where the status alone does not say it. */
import { type AtlasErrorReason, NoCapacity, ProviderFault } from "../../../domain/AtlasError.ts"
import type { Refusal } from "../../../provider/ProviderHttp.ts"

/** Seen live: nothing was created, and another machine may do. The same status also means a contradiction in the body. */
const soldOut = new RegExp(
  [
    "no longer any instances available",
    "no instances currently available",
    "does not have the resources to deploy your pod",
    "could not find any pods with required specifications"
  ].join("|"),
  "i"
)

const mayBeSoldOut = (status: number): boolean =>
  status >= 400 && status < 500 && ![401, 402, 403, 404, 429].includes(status)

/** With one property missing, the validator also calls every allowed one "not allowed"; only the missing one is true. */
const withoutCascade = (message: string): string => {
  const [, detail = "", entries = ""] = /^(.*?) \[(.*)\]$/s.exec(message) ?? []
  const missing = entries.split("; ").filter((entry) => entry.includes("missing propert"))
  return missing.length === 0 ? message : `${detail} [${missing.join("; ")}]`
}

/** A better reason for a refused create or change than its status gives; undefined where there is none. */
export const classify = ({ message, raw, status }: Refusal): AtlasErrorReason | undefined => {
  if (status === 402) {
    return new ProviderFault({
      status,
      raw,
      code: "insufficient_balance",
      message: `the balance of the RunPod account is too low, so nothing was done${message && `: ${message}`}`
    })
  }
  if (mayBeSoldOut(status) && soldOut.test(message)) return new NoCapacity({ status, raw, message })
  if (status === 422) return new ProviderFault({ status, raw, message: withoutCascade(message) })
  return undefined
}
