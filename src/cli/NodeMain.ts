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
import * as hangUp from "./hangUp.ts"
import * as Made from "./Made.ts"
import * as Outlet from "./Outlet.ts"
import * as ReaderLeft from "./ReaderLeft.ts"
import { GivenUp, Hurry, invocation, make as makeSafe, Shell } from "./Shell.ts"
import * as Warnings from "./Warnings.ts"

/** 128 + the signal's number, as shells count. */
const signals = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const

/** The same for a pipe whose reader has left. */
const pipeClosed = 141

/** One signal often arrives twice, from the shell and from npm; the third one ends the process without cleaning up. */
const signalsToGiveUp = 3

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

const makeShell = (argv: ReadonlyArray<string>, { err, exitWith, out }: {
  readonly exitWith: (code: number) => void
  readonly out: Outlet.Outlet
  readonly err: Outlet.Outlet
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
    out: (text) => out.write(text),
    write: (text) => out.write(text, ""),
    err: (text) => Effect.sync(() => err.put(text)),
    ask,
    exitWith: (code) => Effect.sync(() => exitWith(code))
  })
}

/** A terminal that is held with Ctrl-S would hold this process as well, its timers and signals included: Node writes to terminals so. */
const unblock = (stream: NodeJS.WriteStream): void => {
  // Node has no public name for it
  const { _handle: handle } = stream as { readonly _handle?: { readonly setBlocking?: (blocking: boolean) => void } }
  handle?.setBlocking?.(false)
}

const failure = (kind: string, message: string): Failure.Failure => ({
  exitCode: 1,
  kind,
  message,
  provider: null,
  operation: "stdout",
  issues: [],
  hint: null
})

const outputLost = (code: string): Failure.Failure =>
  failure(
    "storage_fault",
    `stdout could not be written (${code}), and its output is lost from there on; check the disk or the pipe it goes to`
  )

/** Runs the command line with these arguments and ends the process with its exit code. */
export const main = (argv: ReadonlyArray<string>): void => {
  /** The exit code that the command asked for, such as that of what ran in the compute. */
  let asked = 0
  /** The exit code that a signal, or a closed stdout, decided. */
  let overruled: number | undefined
  let received = 0
  /** Whether the command has ended, and only its output is being written. */
  let isDone = false
  /** Why stdout cannot be written any more. */
  let lost: NodeJS.ErrnoException | undefined

  for (const stream of [process.stdout, process.stderr]) {
    // each write is told of its own error
    stream.on("error", () => {})
    unblock(stream)
  }
  const out = Outlet.make(process.stdout, (error) => failed(error))
  // a stderr that cannot be written leaves no way to report it
  const err = Outlet.make(process.stderr, () => {})
  const hurry = () => {
    out.hurry()
    err.hurry()
  }
  const shell = makeShell(argv, {
    out,
    err,
    exitWith: (code) => {
      asked = code
    }
  })
  const { args, json, trailing } = shell.invocation
  const say = (text: string) => void Effect.runSync(shell.err(text))
  const made = Made.make()
  const fiber = Effect.runFork(
    AtlasCli.run.pipe(
      Effect.provide(NodeServices.layer),
      Effect.provideService(Shell, shell),
      Effect.provideService(Hurry, Effect.sync(hurry)),
      Effect.provideService(GivenUp, out.givenUp),
      Effect.provideService(Made.Made, made)
    )
  )
  const stop = (code: number) => {
    overruled ??= code
    hurry()
    fiber.interruptUnsafe()
  }

  const failed = (error: NodeJS.ErrnoException) => {
    if (overruled !== undefined) return
    lost = error
    const isClosed = error.code === "EPIPE"
    const rule = ReaderLeft.ruleOf(args.slice(0, args.length - trailing))
    if (rule === "end") return stop(isClosed ? 0 : 1)
    const warn = (text: string) => isDone ? undefined : say(Warnings.render(shell.invocation, text))
    if (!isClosed) {
      // programs are told by the failure at the end
      return json ? undefined : warn(`${outputLost(error.code ?? error.message).message}; the command goes on`)
    }
    if (rule === "go on") return warn("the reader of stdout has left; the command goes on without output")
    warn("the reader of stdout has left; ending what was rented")
    stop(pipeClosed)
  }

  /** Leaves with what is there, without waiting for anything. */
  const leave = (code: number): never => {
    const left = made.all("and what is being ended")
    const message = "left before everything was ended, as the third signal asked"
    if (left.length > 0) say(Failure.render(shell.invocation, [failure("uncertain", message)], left))
    return process.exit(code)
  }

  const ignoresHangUp = hangUp.isIgnored({ parent: process.ppid, started: process.env["_"] })
  for (const [signal, code] of Object.entries(signals)) {
    process.on(signal, () => {
      if (signal === "SIGHUP" && ignoresHangUp) return
      received += 1
      if (received >= signalsToGiveUp) leave(code)
      stop(code)
    })
  }
  // a bug outside of every fiber must not leave a machine behind
  process.on("uncaughtException", (error) => {
    say(`error [unknown] ${ForeignText.line(error.message)}`)
    stop(1)
  })

  /** The exit code, once a failure that only now is known has been told. */
  const conclude = (exit: Exit.Exit<void, Failure.Error>): number => {
    const own = Exit.isSuccess(exit) ? asked : AtlasCli.exitCodeOf(exit)
    if (Exit.hasFails(exit)) {
      // a compute that could not be ended matters more than a closed stdout
      return overruled === undefined || overruled === 0 ? own : overruled
    }
    const code = overruled ?? own
    const kept = made.all("kept")
    // a reader that left wanted no more, unless an id is told nowhere else
    if (lost === undefined || (lost.code === "EPIPE" && kept.length === 0)) return code
    say(Failure.render(shell.invocation, [outputLost(lost.code ?? lost.message)], kept))
    return code || 1
  }

  fiber.addObserver((exit) => {
    isDone = true
    const end = Effect.gen(function*() {
      yield* out.flushed
      const code = conclude(exit)
      const dropped = out.dropped()
      if (dropped > 0) {
        const text =
          `the output was cut after line ${out.lines()}: the last ${dropped} bytes of the output are lost, since its reader has not taken them`
        say(Warnings.render(shell.invocation, text, { lines: out.lines() }))
      }
      yield* err.flushed
      return code === 0 && dropped > 0 ? 1 : code
    })
    Effect.runFork(end).addObserver((ended) => process.exit(Exit.isSuccess(ended) ? ended.value : 1))
  })
}
