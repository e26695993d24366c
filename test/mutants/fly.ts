/** Mistakes where the product meets Fly and its buses: tokens, logs, deploys, and ends that hang. */
import { type Patch, tests } from "./mutant.ts"

const fly = "src/fly"
const forms = tests("test/fly/tokenForm.test.ts")
const refused = tests("test/fly/FlyTokens.refused.test.ts")
const lostLines = tests("test/fly/FlyLogStream.lost.test.ts")
const hosts = tests("test/fly/logProgress.test.ts")
const bodies = tests("test/fly/FlyLogSource.bodies.test.ts")
const deploys = tests("test/fly/FlyDeploy.test.ts")
const cli = tests("test/cli/fly.test.ts")

export const flyAndBuses: ReadonlyArray<Patch> = [
  {
    name: "doubled-scheme",
    why: "a token that is pasted with its scheme twice is sent as it is, and refused",
    file: `${fly}/internal/tokenForm.ts`,
    find: "for (let found = scheme.exec(bare); found !== null; found = scheme.exec(bare)) {",
    replace: "for (let found = scheme.exec(bare); found !== null; found = null) {",
    noticedBy: [forms]
  },
  {
    name: "mixed-list-sent-whole",
    why: "of a list of tokens also those are sent that the log host does not take",
    file: `${fly}/internal/tokenForm.ts`,
    find: "`FlyV1 ${macaroons.join(\",\")}`",
    replace: "`FlyV1 ${form.parts.join(\",\")}`",
    noticedBy: [forms]
  },
  {
    name: "refused-for-life",
    why: "one refusal bans a token for the life of the process",
    file: `${fly}/internal/refusedTokens.ts`,
    find: "return found !== undefined && found.until > now()",
    replace: "return found !== undefined && found.until > 0n * now()",
    noticedBy: [refused]
  },
  {
    name: "refused-for-ever-longer",
    why: "a token that was refused often is passed over for days",
    file: `${fly}/internal/refusedTokens.ts`,
    find: "const bounded = pause > longestPause ? longestPause : pause",
    replace: "const bounded = pause > longestPause * 99n ? longestPause : pause",
    noticedBy: [refused]
  },
  {
    name: "refused-as-often-as-asked",
    why: "a token that is refused again and again is tried every 30 seconds for ever",
    file: `${fly}/internal/refusedTokens.ts`,
    find: "before.until > at ? before.pause : before.pause * 2n",
    replace: "before.until > at ? before.pause : before.pause * 1n",
    noticedBy: [refused]
  },
  {
    name: "nothing-left-to-try",
    why: "when every token was refused none is tried, although the host may take one again",
    file: `${fly}/internal/tokenChain.ts`,
    find: "if (oldest !== undefined) return {",
    replace: "if (oldest !== undefined && spares.length > 99) return {",
    noticedBy: [refused]
  },
  {
    name: "mint-that-failed-runs-again",
    why: "each run of the command waits again for a fly command that makes no token",
    file: `${fly}/internal/tokenMint.ts`,
    find: "age >= 0 && age < Duration.toMillis(rememberedFor)",
    replace: "age >= 0 && age < 0 * Duration.toMillis(rememberedFor)",
    noticedBy: [tests("test/fly/FlyTokens.mint.test.ts")]
  },
  {
    name: "mint-with-a-grace",
    why: "a fly command that ignores TERM takes five seconds more than its limit",
    file: `${fly}/FlyCli.ts`,
    find: "spawn(args, { killGrace: 0, ...options })",
    replace: "spawn(args, { ...options })",
    noticedBy: [tests("test/fly/FlyCli.turns.test.ts")]
  },
  {
    name: "fly-commands-all-at-once",
    why: "a hundred apps start a hundred fly commands at once",
    file: `${fly}/FlyCli.ts`,
    find: "const mostRuns = 8\n",
    replace: "const mostRuns = 800\n",
    noticedBy: [tests("test/fly/FlyCli.turns.test.ts")]
  },
  {
    name: "directory-that-anybody-replaces",
    why: "tokens are kept below a directory that every user may write to",
    file: `${fly}/internal/tokenDirectory.ts`,
    find: "if (isOpen) return",
    replace: "if (isOpen && parent === \"\") return",
    noticedBy: [tests("test/fly/tokenStorage.modes.process.test.ts")]
  },
  {
    name: "id-is-a-key",
    why: "two lines with one id, which hosts send, count as one",
    file: `${fly}/internal/logProgress.ts`,
    find: "first !== undefined && first.message === shortened(entry.message) && first.instance === entry.instance",
    replace: "first !== undefined && (id !== null || first.message === shortened(entry.message))",
    noticedBy: [hosts]
  },
  {
    name: "same-line-twice-is-once",
    why: "two lines that say the same at the same time count as one",
    file: `${fly}/internal/logProgress.ts`,
    find: "if (seen.now <= seen.count) {",
    replace: "if (seen.now > 0) {",
    noticedBy: [lostLines]
  },
  {
    name: "cursor-into-the-future",
    why: "one line with a time in the future is where the log goes on, so nothing comes until then",
    file: `${fly}/internal/logProgress.ts`,
    find: "latest(times.filter((at) => at !== null && at <= now + ahead))",
    replace: "latest(times.filter((at) => at !== null))",
    noticedBy: [lostLines]
  },
  {
    name: "host-that-repeats-is-believed",
    why: "a host that ignores the cursor is asked as often as any other, and nobody is told",
    file: `${fly}/internal/logProgress.ts`,
    find: "ignored >= mostIgnored ? ignored : 0",
    replace: "ignored >= 999 * mostIgnored ? ignored : 0",
    noticedBy: [lostLines]
  },
  {
    name: "border-within-one-time",
    why: "the next page begins behind the newest line, so others of the same time are lost",
    file: `${fly}/internal/logProgress.ts`,
    find: "return start < newest ? start : newest - 1n",
    replace: "return newest + (start < newest ? 1n : 2n)",
    noticedBy: [hosts]
  },
  {
    name: "cut-body-counts-as-read",
    why: "a body that broke off between lines out of order moves the cursor, and the older ones are lost",
    file: `${fly}/internal/logProgress.ts`,
    find: "(!isCut || isSorted(times)) && move(page, times,",
    replace: "(isCut || isSorted(times) || times.length > 0) && move(page, times,",
    noticedBy: [hosts]
  },
  {
    name: "cursor-of-a-cut-body",
    why: "a body that broke off has a cursor although older lines may stand behind the cut",
    file: `${fly}/FlyLogSource.ts`,
    find: "if (cut !== null && !LogWire.isSorted(entries)) return null",
    replace: "if (cut !== null && entries.length < 0) return null",
    noticedBy: [bodies]
  },
  {
    name: "large-body-fails",
    why: "a log body of 16 MiB fails, for ever",
    file: `${fly}/FlyLogSource.ts`,
    find: "if (entries.length === 0 && cut !== null && cut !== ended) return yield* cut",
    replace: "if (cut !== null && cut !== ended) return yield* cut",
    noticedBy: [bodies]
  },
  {
    name: "escape-cut-in-two",
    why: "a long line is cut within an escape, and is no JSON any more",
    file: `${fly}/internal/jsonItems.ts`,
    find: "const whole = text.startsWith(\"\\\\\") || lost > 0 ? \"\"",
    replace: "const whole = lost > 0 ? \"\"",
    noticedBy: [bodies]
  },
  {
    name: "deploy-without-its-arguments",
    why: "the arguments that are fly's own do not reach it",
    file: `${fly}/FlyDeploy.ts`,
    find: "...config, ...options.args ?? []]",
    replace: "...config]",
    noticedBy: [cli]
  },
  {
    name: "deploy-without-its-configuration",
    why: "`--config FILE` is checked and then left out",
    file: `${fly}/FlyDeploy.ts`,
    find: "return [\"--config\", path]",
    replace: "return path === \"\" ? [\"--config\", path] : []",
    noticedBy: [cli]
  },
  {
    name: "configuration-seen-from-elsewhere",
    why: "a configuration that is named as seen from here is looked for in the directory of the deploy",
    file: "src/cli/actions/flyApps.ts",
    find: "(yield* Effect.orElseSucceed(fs.exists(path), () => false)) ? path : config.value",
    replace: "(yield* Effect.orElseSucceed(fs.exists(path), () => false)) ? config.value : config.value",
    noticedBy: [cli]
  },
  {
    name: "empty-directory-deploys",
    why: "a deploy of an empty path deploys from the directory that the process is in",
    file: `${fly}/FlyDeploy.ts`,
    find: "value.trim() === \"\" || value.includes(\"\\0\")",
    replace: "value.includes(\"\\0\")",
    noticedBy: [deploys]
  },
  {
    name: "deploy-shows-its-token",
    why: "a token in the output of a deploy is in errors and topics",
    file: `${fly}/FlyDeploy.ts`,
    find: "const lines = written.map(hide)",
    replace: "const lines = written.map((line) => line === \"\" ? hide(line) : line)",
    noticedBy: [deploys]
  },
  {
    name: "long-line-cut-in-silence",
    why: "a deploy line above the limit is cut, and nothing says so",
    file: `${fly}/internal/output.ts`,
    find: "(lost === 0 ? \"\" : cutMark(lost))",
    replace: "(lost >= 0 ? \"\" : cutMark(lost))",
    noticedBy: [tests("test/fly/output.test.ts")]
  },
  {
    name: "another-configuration-first",
    why: "of two configurations the one counts that fly itself does not read",
    file: `${fly}/FlyApps.ts`,
    find: "[\"fly.toml\", \"fly.json\", \"fly.yaml\"]",
    replace: "[\"fly.json\", \"fly.toml\", \"fly.yaml\"]",
    noticedBy: [tests("test/fly/FlyApps.process.test.ts")]
  },
  {
    name: "bytes-without-a-bound",
    why: "a subscriber that does not read holds messages of any size",
    file: "src/events/internal/mailbox.ts",
    find: "(waiting.length > 0 && size + one.size > mostBytes)",
    replace: "(waiting.length > 0 && size + one.size > mostBytes * 1e9)",
    noticedBy: [tests("test/events/Dispatcher.test.ts")]
  },
  {
    name: "scope-held-by-a-bus",
    why: "a bus that hangs keeps the scope of its layer open",
    file: "src/events/internal/background.ts",
    find: "Effect.timeoutOption(Effect.interruptible(effect), limit)",
    replace: "Effect.timeoutOption(Effect.interruptible(effect), limit === interruptGrace ? \"1 hour\" : \"2 hours\")",
    noticedBy: [tests("test/events/background.test.ts")]
  },
  {
    name: "read-bytes-still-count",
    why: "what a reader has taken counts against its bound for ever",
    file: "src/events/internal/mailbox.ts",
    find: "      size -= one.size\n      return one.element",
    replace: "      return one.element",
    noticedBy: [tests("test/events/Dispatcher.test.ts")]
  },
  {
    name: "messages-on-the-shared-connection",
    why:
      "messages are sent on the connection that waits at its end for every answer, so a Redis that hangs holds a scope",
    file: "src/events/Dispatcher.ts",
    find: "reserved.send(\"PUBLISH\"",
    replace: "redis.send(\"PUBLISH\"",
    noticedBy: [tests("test/events/Redis.server.test.ts")]
  },
  {
    name: "connection-not-given-up",
    why: "the reserved connection to a Redis that hangs is kept, and what waits for an answer on it waits for ever",
    file: "src/events/internal/connection.ts",
    find: "return Scope.close(old.scope, Exit.void)",
    replace: "return old.scope.state._tag === \"Closed\" ? Scope.close(old.scope, Exit.void) : Effect.void",
    noticedBy: [tests("test/events/connection.test.ts")]
  }
]
