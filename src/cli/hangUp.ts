/**
 * Whether a hang-up is to be ignored, as `nohup` asks for.
 *
 * Node takes back every ignored signal before it runs a program (`ResetSignalHandlers` in its node.cc), so what this process has
 * inherited is known only from what is around it.
 */
import { readFileSync } from "node:fs"
import { basename } from "node:path"

const hangUpBit = 1n

const ignoresHangUp = (pid: number | "self"): boolean => {
  try {
    const [, mask = "0"] = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? []
    return (BigInt(`0x${mask}`) & hangUpBit) !== 0n
  } catch {
    // not a Linux, or not to be seen
    return false
  }
}

/**
 * Ignored are hang-ups where this very process still ignores them, where its parent does, such as a script under `nohup`, from
 * which it inherits that, and where the shell says in `_` that `nohup` is what it started. A parent of pid 1 may have adopted us.
 */
export const isIgnored = (
  { parent, started }: { readonly parent: number; readonly started: string | undefined }
): boolean => ignoresHangUp("self") || (parent > 1 && ignoresHangUp(parent)) || basename(started ?? "") === "nohup"
