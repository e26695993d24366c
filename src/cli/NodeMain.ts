/**
 * A run of the command line as a Node process: its streams, its signals and its end.
 *
 * Every way to be asked to stop is the same: the run is interrupted, hands back what it rented, and only then ends.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { createInterface } from "node:readline"
import * as AtlasCli from "./AtlasCli.ts"
import * as Failure from "./Failure.ts"
import { invocation, Shell } from "./Shell.ts"

/** 128 + the signal's number, as shells count. */
const signals = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const

/** The first asks, the second is often the same one sent by a shell and by npm; the third means it. */
const signalsToGiveUp = 3

const write = (stream: NodeJS.WriteStream, failed: (error: NodeJS.ErrnoException) => void) => (text: string) =>
  Effect.callback<void>((resume) => {
    stream.write(`${text}\n`, (error) => {
      // said here too: the run may be over before the stream tells
      if (error) failed(error)
      resume(Effect.void)
    })
  })

const ask = (question: string) =>
  Effect.callback<boolean>((resume) => {
    // not a terminal to readline: Ctrl-C stays a signal
    const lines = createInterface({ input: process.stdin, terminal: false })
    process.stderr.write(`${question} [y/N] `)
    lines.once("line", (line) => {
      resume(Effect.succeed(/^y(es)?$/i.test(line.trim())))
      lines.close()
    })
    lines.once("close", () => resume(Effect.succeed(false)))
    return Effect.sync(() => lines.close())
  })

const input = Effect.callback<string>((resume) => {
  const chunks: Array<Buffer> = []
  const end = () => resume(Effect.succeed(Buffer.concat(chunks).toString("utf8")))
  process.stdin.on("data", (chunk: Buffer) => chunks.push(chunk)).once("end", end).once("error", end)
  return Effect.sync(() => process.stdin.pause())
})

const makeShell = (argv: ReadonlyArray<string>, { exitWith, failed }: {
  readonly exitWith: (code: number) => void
  readonly failed: (error: NodeJS.ErrnoException) => void
}): Shell["Service"] => {
  const call = invocation(argv)
  return Shell.of({
    invocation: call,
    directory: process.cwd(),
    variable: (name) => process.env[name],
    hasColor: process.stdout.isTTY === true && !process.env["NO_COLOR"] && process.env["TERM"] !== "dumb",
    outIsTerminal: process.stdout.isTTY === true,
    hasAudience: process.stderr.isTTY === true && !call.json,
    canAsk: process.stdin.isTTY === true && process.stderr.isTTY === true,
    input,
    out: write(process.stdout, failed),
    // nobody could be told
    err: write(process.stderr, () => {}),
    ask,
    exitWith: (code) => Effect.sync(() => exitWith(code))
  })
}

/** Words of commands that go on when stdout cannot be written: what they began is worth more than what they print. */
const steadfast: ReadonlySet<string> = new Set(["up", "task", "deploy"])

const lost = (code: string): Failure.Failure => ({
  exitCode: 1,
  kind: "storage_fault",
  message: `stdout could not be written (${code}): what was printed from there on is lost`,
  provider: null,
  operation: "stdout",
  issues: [],
  hint: null
})

/** Runs the command line with these arguments and ends the process with its exit code. */
export const main = (argv: ReadonlyArray<string>): void => {
  /** What the command asked for, such as the exit code of what ran in the compute. */
  let asked = 0
  /** What a signal or a reader who left decided. */
  let overruled: number | undefined
  let received = 0
  /** Why stdout takes no more. */
  let broken: Failure.Failure | undefined

  const shell = makeShell(argv, {
    exitWith: (code) => {
      asked = code
    },
    failed: (error) => failed(error)
  })
  const fiber = Effect.runFork(
    AtlasCli.run.pipe(Effect.provide(NodeServices.layer), Effect.provideService(Shell, shell))
  )
  const stop = (code: number) => {
    overruled ??= code
    fiber.interruptUnsafe()
  }

  const failed = (error: NodeJS.ErrnoException) => {
    if (broken !== undefined || overruled === 0) return
    // whoever read our output has enough: nothing failed, and nothing may be left
    if (error.code === "EPIPE") return stop(0)
    broken = lost(error.code ?? error.message)
    const { args, json, trailing } = shell.invocation
    if (!args.slice(0, args.length - trailing).some((word) => steadfast.has(word))) return stop(1)
    if (!json) process.stderr.write(`warning: ${broken.message}; the command goes on\n`)
  }

  for (const [signal, code] of Object.entries(signals)) {
    process.on(signal, () => {
      received += 1
      if (received >= signalsToGiveUp) process.exit(code)
      stop(code)
    })
  }
  process.stdout.on("error", failed)
  process.stderr.on("error", () => {})
  // a bug outside of every fiber is no reason to leave a machine behind
  process.on("uncaughtException", (error) => {
    process.stderr.write(`error [unknown] ${error.message}\n`)
    stop(1)
  })

  fiber.addObserver((exit) => {
    const own = Exit.isSuccess(exit) ? asked : AtlasCli.exitCodeOf(exit)
    if (broken !== undefined && !Exit.hasFails(exit)) {
      process.stderr.write(`${shell.invocation.json ? Failure.toJson(broken) : Failure.toText(broken)}\n`)
    }
    // a hand-back that failed after the reader left is worse than a reader who left
    const code = overruled === 0 && Exit.hasFails(exit) ? own : overruled ?? own
    process.exit(code === 0 && broken !== undefined ? broken.exitCode : code)
  })
}
