/** The part of RunPod's answers that callers get: in `raw`, and from the native client. */
import * as Raw from "../../../provider/Raw.ts"

/** Hidden are the fields that hold what the caller sent: environments, commands, and jobs with their addresses. */
export const rawOf = /* @__PURE__ */ Raw.make({
  hidden: ["env", "args", "entrypoint", "cmd", "input", "webhook", "webhookV2", "s3Config", "password"]
})

/** An environment is a field of a pod, endpoint or template, which are at most entries of a list. */
const deepestEnv = 2

/** The very value where it has no environment: only what holds one is copied. */
const cleaned = (value: object, depth: number): object => {
  if (Array.isArray(value)) {
    const each = (one: unknown): unknown => typeof one === "object" && one !== null ? cleaned(one, depth + 1) : one
    return typeof value[0] === "object" ? value.map(each) : value
  }
  let kept: Record<string, unknown> | null = null
  if (Object.hasOwn(value, "env")) {
    kept = { ...value }
    delete kept["env"]
  }
  if (depth === deepestEnv) return kept ?? value
  for (const key of Object.keys(value)) {
    const part: unknown = key === "env" ? null : Reflect.get(value, key)
    if (typeof part !== "object" || part === null) continue
    const clean = cleaned(part, depth + 1)
    if (clean === part) continue
    kept ??= { ...value }
    kept[key] = clean
  }
  return kept ?? value
}

/** Native answers keep everything but environments. */
export const withoutEnv = <A>(answer: A): A =>
  // the same shape but for a field that any answer may lack
  typeof answer === "object" && answer !== null ? cleaned(answer, 0) as A : answer
