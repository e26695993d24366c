/** Mistakes of the limiter: what a header says is believed for a bounded time only, and an end is not withheld. */
import { type Patch, tests } from "./mutant.ts"

const limits = "src/provider/internal/accountLimiter.ts"
const gate = "src/provider/internal/limitGate.ts"
const headers = "src/provider/internal/httpHeaders.ts"
const rules = tests("test/provider/http/rateLimits.test.ts")
const bounds = tests("test/provider/http/bounds.test.ts")

export const limiter: ReadonlyArray<Patch> = [
  {
    name: "pause-of-a-route-for-all",
    why: "a wait that one kind of request is asked for holds back every other kind, deletes included",
    file: limits,
    find: "const refusing = isRefused ? lane === common ? account : lane.gate : null",
    replace: "const refusing = isRefused ? account : null",
    noticedBy: [rules]
  },
  {
    name: "one-lane-for-all-routes",
    why: "routes of different kinds share one pool of requests",
    file: limits,
    find: "const known = lanes.get(route.name)",
    replace: "const known = lanes.get(route.name) ?? lanes.values().next().value",
    noticedBy: [rules]
  },
  {
    name: "deletes-in-line",
    why: "a delete waits behind every other request",
    file: limits,
    find: "firstAt(\"terminate\", now) ?? firstAt(\"normal\", now)",
    replace: "firstAt(\"normal\", now) ?? firstAt(\"terminate\", now)",
    noticedBy: [rules]
  },
  {
    name: "no-request-kept-for-deletes",
    why: "other requests may use up a window to its last request",
    file: gate,
    find: "priority === \"terminate\" || window.quota === null ? 0",
    replace: "priority === \"terminate\" || window.quota === null || window.quota > 0 ? 0",
    noticedBy: [rules]
  },
  {
    name: "answer-of-an-earlier-window",
    why: "an answer to a request of the window before counts for this one",
    file: gate,
    find: "if (request <= window.since) continue",
    replace: "if (request < 0) continue",
    noticedBy: [rules]
  },
  {
    name: "delete-withheld-for-an-hour",
    why: "a delete is held back for as long as a header asks",
    file: limits,
    find: "priority === \"terminate\" ? Math.min(Math.max(0, longestWithheld - waited), patience / 2) : Infinity",
    replace: "priority === \"terminate\" ? Math.max(longestWithheld - waited, patience / 2, Infinity) : Infinity",
    noticedBy: [bounds]
  },
  {
    name: "delete-withheld-to-its-patience",
    why: "a delete is held back until its caller has gone",
    file: limits,
    find: "Math.max(0, longestWithheld - waited), patience / 2)",
    replace: "Math.max(0, longestWithheld - waited), patience)",
    noticedBy: [bounds]
  },
  {
    name: "delete-waits-as-it-is-asked",
    why: "a delete that was refused is asked again only when the hour is over that the refusal asks for",
    file: "src/provider/internal/httpCall.ts",
    find: "rules.priority === \"terminate\" ? Math.min(longer, longestWithheld) : longer",
    replace: "rules.priority === \"terminate\" ? Math.max(longer, longestWithheld) : longer",
    noticedBy: [bounds]
  },
  {
    name: "delete-behind-creates-that-hang",
    why: "before the first answer of an account a delete waits for creates that hang",
    file: gate,
    find: "priority === \"terminate\" ? [terminate] : [terminate, normal]",
    replace: "priority === \"terminate\" ? [normal, terminate] : [terminate, normal]",
    noticedBy: [bounds]
  },
  {
    name: "quota-of-nothing-believed",
    why: "a header that says a quota of 0 silences the account",
    file: headers,
    find: "if (remaining === undefined || quota === 0) return",
    replace: "if (remaining === undefined) return",
    noticedBy: [bounds]
  },
  {
    name: "policy-of-nothing-believed",
    why: "a policy that says a quota of 0 silences the account",
    file: headers,
    find: "quota: most || null,",
    replace: "quota: most,",
    noticedBy: [bounds]
  },
  {
    name: "window-of-days-believed",
    why: "a window of a day holds looks and creates back for a day",
    file: gate,
    find: "return name === null ? length : bounded(length)",
    replace: "return name === null ? length : 1 * length",
    and: [{
      file: gate,
      find: "const resetAt = now + bounded(resetMillis ?? unknownReset)",
      replace: "const resetAt = now + (resetMillis ?? unknownReset)"
    }],
    noticedBy: [bounds]
  },
  {
    name: "wait-of-days-believed",
    why: "an absurd Retry-After stops the account until the process is started again",
    file: gate,
    find: "pausedUntil = Math.max(pausedUntil, now + bounded(pause))",
    replace: "pausedUntil = Math.max(pausedUntil, now + pause)",
    noticedBy: [rules]
  },
  {
    name: "never-proven-wrong",
    why: "an answer to a request that a header forbade does not show that the header was wrong",
    file: gate,
    find: "if (refuted !== null) {",
    replace: "if (refuted !== null && refuted.until === 0) {",
    noticedBy: [bounds]
  },
  {
    name: "under-way-not-counted",
    why: "requests under way are not counted against what an answer says is left",
    file: gate,
    find: "const remaining = left - underWay",
    replace: "const remaining = left - 0 * underWay",
    noticedBy: [rules]
  }
]
