/** Mistakes about output and signals: what waits for a reader, what is told at the end, and what a log shows. */
import { type Patch, tests } from "./mutant.ts"

const at = "src/cli"
const outlet = tests("test/cli/Outlet.test.ts")
const output = tests("test/cli/output.test.ts")
const warnings = tests("test/cli/Warnings.test.ts")
const failures = tests("test/cli/Failure.test.ts")
const progress = tests("test/cli/progress.test.ts")
const commands = tests("test/cli/commands.test.ts")
const names = tests("test/cli/names.test.ts")
const readerLeft = tests("test/cli/ReaderLeft.test.ts")
const pipes = tests("test/e2e/sinks.process.test.ts")
const tail = tests("test/cli/LogTail.test.ts")

export const sinks: ReadonlyArray<Patch> = [
  {
    name: "wait-for-a-reader-holds-an-interrupt",
    why: "a write that waits for its reader cannot be interrupted where nothing else can, so no signal is heeded",
    file: `${at}/Outlet.ts`,
    find: "isHurried ? room : Effect.interruptible(room)",
    replace: "isHurried ? room : Effect.uninterruptible(room)",
    noticedBy: [outlet]
  },
  {
    name: "last-words-cut-by-their-interrupt",
    why: "what is written while the run ends is dropped by the very interrupt that ends it",
    file: `${at}/Outlet.ts`,
    find: "isHurried ? room : Effect.interruptible(room)",
    replace: "Effect.interruptible(room)",
    noticedBy: [outlet]
  },
  {
    name: "stderr-without-a-bound",
    why: "what is put to a stderr that no program reads is held in memory without a bound",
    file: `${at}/Outlet.ts`,
    find: "if (waiting < mostWaiting) take(text)",
    replace: "if (waiting >= 0) take(text)",
    noticedBy: [outlet]
  },
  {
    name: "stderr-without-an-end",
    why: "a stderr that no program reads is waited for at the end of a run, for ever",
    file: `${at}/NodeMain.ts`,
    find: "    out.hurry()\n    err.hurry()\n",
    replace: "    out.hurry()\n",
    noticedBy: [pipes]
  },
  {
    name: "patience-without-progress",
    why: "a slow reader is given up although it takes something now and then",
    file: `${at}/Outlet.ts`,
    find: "        watch()\n        drain()",
    replace: "        drain()",
    noticedBy: [outlet]
  },
  {
    name: "third-signal-says-nothing",
    why: "the third signal leaves without the ids of what may be there",
    file: `${at}/NodeMain.ts`,
    find: "if (left.length > 0) say(",
    replace: "if (left.length > 99) say(",
    noticedBy: [pipes]
  },
  {
    name: "third-signal-without-what-is-being-ended",
    why: "what is asked to end is taken for gone",
    file: `${at}/Made.ts`,
    find: "which !== \"kept\" || !endings.has(id)",
    replace: "which.length === 0 || !endings.has(id)",
    noticedBy: [failures]
  },
  {
    name: "ended-told-as-left",
    why: "an answer that cannot be written tells of a machine that is being ended as if it were kept",
    file: `${at}/Made.ts`,
    find: "which !== \"kept\" || !endings.has(id)",
    replace: "which.length > 0 || !endings.has(id)",
    noticedBy: [failures]
  },
  {
    name: "failure-without-what-was-made",
    why: "a failure in JSON has no id of the machine that its run has made",
    file: `${at}/Failure.ts`,
    find: "computeId: failure.computeId ?? made.find(({ type }) => type === \"compute\")?.id ?? null",
    replace: "computeId: failure.computeId ?? null",
    noticedBy: [failures]
  },
  {
    name: "uncertain-without-its-compute",
    why: "a failure that knows which machine may be there does not tell its id",
    file: `${at}/Failure.ts`,
    find: "return reason.computeId ?? reason.lastSeen?.id ?? null",
    replace: "return reason.lastSeen?.id ?? null",
    noticedBy: [failures]
  },
  {
    name: "failure-without-a-way-out",
    why: "a failure does not say how what was made is ended",
    file: `${at}/Failure.ts`,
    find: "...made.map(Made.describe)]",
    replace: "...made.slice(99).map(Made.describe)]",
    noticedBy: [failures]
  },
  {
    name: "warning-with-fiber-and-time",
    why: "warnings of the library have the time and the number of a fiber in normal use",
    file: `${at}/Warnings.ts`,
    find: "if (invocation.debug && !invocation.json)",
    replace: "if (!invocation.json)",
    noticedBy: [warnings]
  },
  {
    name: "warning-of-several-lines",
    why: "a warning takes as many lines as what it repeats",
    file: `${at}/Warnings.ts`,
    find: "`warning: ${ForeignText.line(message)}`",
    replace: "`warning: ${message}`",
    noticedBy: [warnings]
  },
  {
    name: "errors-are-no-warnings",
    why: "what the library logs as an error is told under another word than warnings",
    file: `${at}/Warnings.ts`,
    find: "level === \"Warn\" || level === \"Error\"",
    replace: "level === \"Warn\"",
    noticedBy: [warnings]
  },
  {
    name: "waits-of-one-length",
    why: "a wait does not say how long it has lasted",
    file: `${at}/Progress.ts`,
    find: "seconds += pause",
    replace: "seconds = pause",
    noticedBy: [progress]
  },
  {
    name: "waits-go-on-after-their-end",
    why: "what is not waited for any more is still told",
    file: `${at}/Progress.ts`,
    find: "Effect.ensuring(self, Fiber.interrupt(saying))",
    replace: "Effect.ensuring(self, Effect.when(Fiber.interrupt(saying), Effect.succeed(false)))",
    noticedBy: [progress]
  },
  {
    name: "down-without-results",
    why: "`down a b c` does not tell how each of them ended",
    file: `${at}/actions/computes.ts`,
    find: "Result.isSuccess(result)\n    ? \"terminated\"",
    replace: "Result.isSuccess(result)\n    ? \"failed\"",
    noticedBy: [commands]
  },
  {
    name: "down-of-what-is-not-there-has-failed",
    why: "what is not there is told like what could not be ended",
    file: `${at}/actions/computes.ts`,
    find: "? \"not_found\"",
    replace: "? \"failed\"",
    noticedBy: [commands]
  },
  {
    name: "down-forgets-what-it-did-not-understand",
    why: "a name that may be any of several is left out in silence, with exit code 0",
    file: `${at}/actions/computes.ts`,
    find: "...unlooked, ...unknown]",
    replace: "...unlooked, ...unknown.slice(99)]",
    noticedBy: [names]
  },
  {
    name: "down-by-a-beginning-of-a-name",
    why: "a command that acts takes the beginning of a name, which may mean another machine the next time",
    file: `${at}/ComputeName.ts`,
    find: "(!acts && begins(typed, name === null ? null : slugOf(name)))",
    replace: "begins(typed, name === null ? null : slugOf(name))",
    noticedBy: [names]
  },
  {
    name: "number-begins-another-number",
    why: "the id of a machine that is gone means another one whose number begins with it",
    file: `${at}/ComputeName.ts`,
    find: "&& !cutsNumber(typed, text.slice(typed.length))",
    replace: "&& (text !== \"\" || !cutsNumber(typed, text.slice(typed.length)))",
    noticedBy: [names]
  },
  {
    name: "deploy-ends-with-its-reader",
    why: "a deploy is killed half-way when the reader of its output leaves, with exit code 0",
    file: `${at}/ReaderLeft.ts`,
    find: "fly (apps|logs|token get)",
    replace: "fly (apps|deploy|logs|token get)",
    noticedBy: [readerLeft]
  },
  {
    name: "up-goes-on-without-a-reader",
    why: "`up` keeps its machine for ever when the reader of its output leaves",
    file: `${at}/ReaderLeft.ts`,
    find: "? \"go on\"\n      : \"hand back\"",
    replace: "? \"go on\"\n      : \"go on\"",
    noticedBy: [readerLeft]
  },
  {
    name: "words-of-the-platform-are-use",
    why: "a container that crashes again and again is never idle, since its platform writes about it",
    file: `${at}/Output.ts`,
    find: "lines.some(({ isOutput }) => isOutput) ? used",
    replace: "lines.length > 0 ? used",
    noticedBy: [output]
  },
  {
    name: "restart-is-not-heard",
    why: "a task whose container was started again goes on as if nothing had happened",
    file: `${at}/Output.ts`,
    find: "use.pipe(Effect.andThen(restarted), ",
    replace: "use.pipe(Effect.andThen(Effect.when(restarted, Effect.succeed(false))), ",
    noticedBy: [output]
  },
  {
    name: "ended-without-a-stop",
    why: "what a machine says while it is being ended is lost, where its provider could stop it first",
    file: `${at}/LogTail.ts`,
    find: "const stop = canStop ?",
    replace: "const stop = canStop && id === \"\" ?",
    noticedBy: [output]
  },
  {
    name: "lost-lines-are-no-failure",
    why: "a log that says itself that something of it is lost counts as whole",
    file: `${at}/LogTail.ts`,
    find: "missing: () => lost ?? missing",
    replace: "missing: () => missing ?? (lost === \"\" ? lost : null)",
    noticedBy: [tail]
  },
  {
    name: "loss-told-twice",
    why: "each reading of a log's end says again that something is lost",
    file: `${at}/LogTail.ts`,
    find: "line.lost === undefined || line.text !== lost",
    replace: "line.lost === undefined || line.text !== null",
    noticedBy: [tail]
  },
  {
    name: "log-that-outlives-its-machine-has-bounds",
    why: "of a log that can be read to its end whenever that is, only so much is read as fits into a few seconds",
    file: `${at}/LogTail.ts`,
    find: "if (provider.logs.outlivesCompute === true) {",
    replace: "if (provider.logs.outlivesCompute === true && id === \"\") {",
    noticedBy: [tail]
  },
  {
    name: "exit-does-not-tell-the-cut",
    why: "the exit record of output that was cut says that it is whole",
    file: `${at}/Output.ts`,
    find: "printer.record({ type: \"exit\", code, truncated })",
    replace: "printer.record({ type: \"exit\", code, truncated: truncated && ended === null })",
    noticedBy: [output]
  },
  {
    name: "cut-output-is-a-success",
    why: "a command whose output was cut exits with 0",
    file: `${at}/Output.ts`,
    find: "truncated ? own || 1 : own",
    replace: "truncated ? own ?? 1 : own",
    noticedBy: [output]
  },
  {
    name: "array-closed-over-a-failure",
    why: "an array whose rest could not be read is closed, so that a reader takes the part for the whole",
    file: `${at}/JsonArray.ts`,
    find: ".join(\",\\n\"))\n      }))",
    replace: ".join(\",\\n\"))\n      })).pipe(Effect.tapError(() => out(\"]\")))",
    noticedBy: [tests("test/cli/logs.test.ts")]
  },
  {
    name: "pieces-of-a-line-are-lines",
    why: "a line that is shown in pieces gets a line end and a prefix for each",
    file: `${at}/LogText.ts`,
    find: "const begun = continues ? \"\" : close() + prefix(line)",
    replace: "const begun = close() + prefix(line)",
    noticedBy: [tests("test/cli/LogText.test.ts")]
  },
  {
    name: "env-file-with-any-name",
    why: "a line of a file that was meant for something else becomes a variable",
    file: `${at}/EnvFile.ts`,
    find: "if (!/^[A-Za-z_][A-Za-z0-9_.-]*$/.test(name)) {",
    replace: "if (name === \"\") {",
    noticedBy: [tests("test/cli/spawnFlags.test.ts")]
  },
  {
    name: "opt-set-twice",
    why: "of an option that is set twice one value is dropped in silence",
    file: `${at}/OptFlags.ts`,
    find: "twice.push(`${path}${name}`)",
    replace: "if (name === \"\") twice.push(`${path}${name}`)",
    noticedBy: [tests("test/cli/spawnFlags.test.ts")]
  },
  {
    name: "opt-reaches-every-object",
    why: "an option may name what all objects share",
    file: `${at}/OptFlags.ts`,
    find: "name === \"__proto__\" || isHarmful",
    replace: "name === \"\" || isHarmful",
    noticedBy: [tests("test/cli/spawnFlags.test.ts")]
  },
  {
    name: "reap-of-the-unproven-succeeds",
    why: "`atlas reap` exits with 0 although it could not prove something that it saw",
    file: `${at}/actions/reap.ts`,
    find: "report.left.some(isUnproven)",
    replace: "report.left.length > 99 && report.left.some(isUnproven)",
    noticedBy: [tests("test/cli/reap.test.ts")]
  },
  {
    name: "own-words-of-a-cloud-are-refused",
    why: "a type of GPU that came after this version cannot be rented by its own name",
    file: "src/providers/runpod/internal/gpuNames.ts",
    find: "=> /^(?:NVIDIA|AMD|Tesla|Intel)",
    replace: "=> /^(?:ACME)",
    noticedBy: [tests("test/cli/gpus.test.ts")]
  }
]
