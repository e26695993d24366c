/**
 * A run of the command line as a Node process: its streams, its signals and its end.
 *
 * Every way to be asked to stop is the same: the run is interrupted, ends what it rented, and only then exits.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { createInterface } from "node:readline"
import * as ForeignText from "../domain/ForeignText.ts"
import * as AtlasCli from "./AtlasCli.ts"
import * as Failure from "./Failure.ts"
import { invocation, make as makeSafe, Shell } from "./Shell.ts"

/** 128 + the signal's number, as shells count. */
const signals = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const

/** One signal often arrives twice, from the shell and from npm; the third one ends the process without cleaning up. */
const signalsToGiveUp = 3

const write =
  (stream: NodeJS.WriteStream, failed: (error: NodeJS.ErrnoException) => void) => (text: string, end = "\n") =>
    Effect.callback<void>((resume) => {
      stream.write(`${text}${end}`, (error) => {
        // also here: the run may be over before the stream emits its error
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
  return makeSafe({
    invocation: call,
    directory: process.cwd(),
    variable: (name) => process.env[name],
    hasColor: process.stdout.isTTY === true && !process.env["NO_COLOR"] && process.env["TERM"] !== "dumb",
    outIsTerminal: process.stdout.isTTY === true,
    columns: () => process.stdout.columns,
    showsProgress: process.stderr.isTTY === true && !call.json,
    canAsk: process.stdin.isTTY === true && process.stderr.isTTY === true,
    input,
    out: write(process.stdout, failed),
    write: (text) => write(process.stdout, failed)(text, ""),
    // a stderr that cannot be written leaves no way to report it
    err: write(process.stderr, () => {}),
    ask,
    exitWith: (code) => Effect.sync(() => exitWith(code))
  })
}

/** Commands that go on when stdout cannot be written: the work they started is worth more than its output. */
const goesOnWithoutOutput: ReadonlySet<string> = new Set(["up", "task", "deploy"])

const outputLost = (code: string): Failure.Failure => ({
  exitCode: 1,
  kind: "storage_fault",
  message:
    `stdout could not be written (${code}), and its output is lost from there on; check the disk or the pipe it goes to`,
  provider: null,
  operation: "stdout",
  issues: [],
  hint: null
})

/** Runs the command line with these arguments and ends the process with its exit code. */
export const main = (argv: ReadonlyArray<string>): void => {
  /** The exit code that the command asked for, such as that of what ran in the compute. */
  let asked = 0
  /** The exit code that a signal, or a closed stdout, decided. */
  let overruled: number | undefined
  let received = 0
  /** Why stdout cannot be written any more. */
  let outputFailure: Failure.Failure | undefined

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
    if (outputFailure !== undefined || overruled === 0) return
    // the program that read our output has closed it: nothing failed, and nothing may be left
    if (error.code === "EPIPE") return stop(0)
    outputFailure = outputLost(error.code ?? error.message)
    const { args, json, trailing } = shell.invocation
    if (!args.slice(0, args.length - trailing).some((word) => goesOnWithoutOutput.has(word))) return stop(1)
    if (!json) process.stderr.write(`warning: ${outputFailure.message}; the command goes on\n`)
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
  // a bug outside of every fiber must not leave a machine behind
  process.on("uncaughtException", (error) => {
    process.stderr.write(`error [unknown] ${ForeignText.line(error.message)}\n`)
    stop(1)
  })

  fiber.addObserver((exit) => {
    const own = Exit.isSuccess(exit) ? asked : AtlasCli.exitCodeOf(exit)
    if (outputFailure !== undefined && !Exit.hasFails(exit)) {
      process.stderr.write(`${shell.invocation.json ? Failure.toJson(outputFailure) : Failure.toText(outputFailure)}\n`)
    }
    // a compute that could not be ended matters more than a closed stdout
    const code = overruled === 0 && Exit.hasFails(exit) ? own : overruled ?? own
    process.exit(code === 0 && outputFailure !== undefined ? outputFailure.exitCode : code)
  })
}
