/**
 * No test lets real time pass or measures it: it waits for a condition (test/support/until.ts), or moves the clock it runs on.
 */
import { assert, it } from "@effect/vitest"
import { matching } from "./files.ts"
import { sleepsOf } from "./sleeps.ts"

/** The few that may: the file, what it calls and why. Benchmarks measure time by design. */
const allowed: ReadonlyArray<{ readonly file: string; readonly what: string; readonly why: string }> = [
  { file: "test/support/until.ts", what: "node:timers/promises", why: "the pause between two looks at a condition" },
  { file: "test/support/until.ts", what: "setTimeout", why: "the pause between two looks at a condition" },
  { file: "test/docs/pages.ts", what: "setTimeout", why: "ends the commands of a page that hangs" },
  { file: "test/provider/http/server.test.ts", what: "setInterval", why: "a server that sends its body in drops" },
  { file: "test/provider/http/stream.test.ts", what: "setInterval", why: "a server that sends its body in drops" },
  { file: "test/providers/local/starter.ts", what: "setInterval", why: "keeps a process alive until it is killed" },
  { file: "test/simulation/run.ts", what: "performance.now", why: "tells how fast it was, and decides nothing by it" },
  { file: "test/mutants/run.ts", what: "performance.now", why: "tells how fast it was, and decides nothing by it" }
]

const found = matching(["test/**/*.ts"]).filter(({ path }) => !path.startsWith("test/bench/")).flatMap(sleepsOf)

const isAllowed = ({ file, what }: { readonly file: string; readonly what: string }) =>
  allowed.some((one) => one.file === file && one.what === what)

it("no test sleeps or looks at how long something took", () => {
  const render = ({ file, line, what }: (typeof found)[number]) => `${file}:${line} ${what}`
  assert.deepStrictEqual(found.filter((one) => !isAllowed(one)).map(render), [])
})

it("every exception is still needed", () => {
  const stale = allowed.filter(({ file, what }) => !found.some((one) => one.file === file && one.what === what))
  assert.deepStrictEqual(stale, [])
})

it.each([
  ["a sleep", "await new Promise((resolve) => setTimeout(resolve, 10))", ["setTimeout"]],
  ["a sleep of Node", "import { setTimeout as sleep } from \"node:timers/promises\"", ["node:timers/promises"]],
  ["a window", "const took = performance.now() - started", ["performance.now"]],
  ["a deadline", "while (Date.now() < deadline) look()", ["Date.now"]],
  ["a date of now", "const at = new Date()", ["new Date()"]],
  ["a sleep in a live test", "it.live(\"a\", () => Effect.sleep(\"1 second\"))", ["Effect.sleep"]],
  ["a limit in a live table", "it.live.each([1])(\"a\", () => Effect.timeout(b, \"1 second\"))", ["Effect.timeout"]],
  ["no sleep on the clock of a test", "it.effect(\"a\", () => Effect.sleep(\"1 second\"))", []],
  ["no word in a text", "spawn(\"node\", [\"-e\", \"setTimeout(() => {}, 1)\"])", []],
  ["no date of a given time", "const at = new Date(0)", []]
])("%s is told", (_, text, what) => {
  assert.deepStrictEqual(sleepsOf({ path: "test/a.test.ts", text }).map((one) => one.what), what)
})
