import { assert, describe, it } from "@effect/vitest"
import { Atlas } from "effect-atlas"
import * as Effect from "effect/Effect"
import { repeatUntil } from "../../support/until.ts"
import { leftIn, logOf, node, until, withLocal } from "./harness.ts"

/** A command that writes what it got as one line of JSON and stays. */
const tell = node(
  "console.log(JSON.stringify({ env: process.env, umask: process.umask() })); setInterval(() => {}, 1e6)"
)

const told = (stateDir: string, id: string) =>
  Effect.map(
    until(() => logOf(stateDir, id).endsWith("\n")),
    (): { readonly env: Readonly<Record<string, string>>; readonly umask: number } => JSON.parse(logOf(stateDir, id))
  )

describe("the shell that leads a compute leaves no trace in the command", () => {
  it.live("variables of any name arrive as they were given", () =>
    withLocal((stateDir) =>
      Effect.gen(function*() {
        const names = [
          "dir",
          "run",
          "stat",
          "boot",
          "start",
          "code",
          "file",
          "text",
          "pid",
          "PS1",
          "PS4",
          "ENV",
          "CDPATH"
        ]
        const env = Object.fromEntries(names.map((name) => [name, `/mine/${name} "$x" \\ é\n`]))
        const { id } = yield* Atlas.spawnCompute({ command: tell, env })
        const { env: got } = yield* told(stateDir, id)
        assert.deepStrictEqual(Object.fromEntries(names.map((name) => [name, got[name]])), env)
      })
    ))

  it.live("files it makes get the mode they get from our own processes", () =>
    withLocal((stateDir) =>
      Effect.gen(function*() {
        const { id } = yield* Atlas.spawnCompute({ command: tell })
        assert.strictEqual((yield* told(stateDir, id)).umask, process.umask())
      })
    ))

  it.live("a signal to the whole group that the command survives does not cost its exit code", () =>
    withLocal((stateDir) =>
      Effect.gen(function*() {
        const { id } = yield* Atlas.spawnCompute({
          command: node(
            `for (const name of ['SIGUSR1', 'SIGUSR2', 'SIGQUIT', 'SIGINT', 'SIGHUP', 'SIGALRM']) process.on(name, () => {
              console.log(name); if (name === 'SIGALRM') process.exit(3)
            }); console.log('up'); setInterval(() => {}, 1e6)`
          )
        })
        yield* until(() => logOf(stateDir, id).includes("up\n"))
        const [seen] = yield* Atlas.listCompute()
        const raw = seen?.raw
        const pid = typeof raw === "object" && raw !== null && "pid" in raw ? Number(raw["pid"]) : 0
        for (const name of ["SIGUSR2", "SIGQUIT", "SIGINT", "SIGHUP", "SIGALRM"] as const) {
          process.kill(-pid, name)
          yield* until(() => logOf(stateDir, id).includes(name))
        }
        const ended = yield* repeatUntil(Atlas.getCompute(id), ({ status }) => status !== "running")
        assert.deepStrictEqual([ended.status, ended.exitCode], ["failed", 3])
      })
    ))

  it.live.each(["my.var", "my-var", "OPTIND", "IFS"])(
    "a name that no shell passes on is refused, not dropped: %s",
    (name) =>
      withLocal((stateDir) =>
        Effect.gen(function*() {
          const error = yield* Effect.flip(Atlas.spawnCompute({ command: ["sleep", "1000"], env: { [name]: "x" } }))
          assert.strictEqual(error.kind, "validation")
          assert.include(error.message, name)
          assert.deepStrictEqual(leftIn(stateDir), [])
        })
      )
  )
})
