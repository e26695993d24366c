/**
 * Files of variables as `docker run --env-file` takes them: `NAME=VALUE` a line, as it stands, or `NAME` alone for the value it has in
 * the environment of atlas; lines that begin with `#` and empty ones are left out.
 *
 * Every value is a secret from the first byte on: nothing of a line is ever repeated, since a line that is wrong may be one.
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as fs from "node:fs"
import { Socket } from "node:net"
import * as path from "node:path"
import { invalid, type Issue } from "../domain/AtlasError.ts"
import { progress } from "./Progress.ts"
import { Shell } from "./Shell.ts"

/** Larger than any environment that a process can be given in one piece. */
const mostBytes = 1024 * 1024

/** As many wrong lines as a person reads of a file that was meant for something else. */
const mostIssues = 3

type Bytes = Result.Result<Buffer, string>

const tooLarge = "is larger than 1 MiB, so it is no file of variables"

const why = ({ code = "unknown" }: NodeJS.ErrnoException): string => {
  switch (code) {
    case "ENOENT":
      return "is not there"
    case "EACCES":
    case "EPERM":
      return "may not be read by this user"
    case "EISDIR":
      return "is a directory"
    default:
      return `cannot be read (${code})`
  }
}

/** What a pipe brings until its writer closes it; it is waited for without holding up a thread, so that Ctrl-C still works. */
const drain = (fd: number, done: (bytes: Bytes) => void): () => void => {
  const chunks: Array<Buffer> = []
  let size = 0
  const pipe = new Socket({ fd, readable: true, writable: false })
  const end = (bytes: Bytes) => {
    pipe.destroy()
    done(bytes)
  }
  pipe.on("data", (chunk: Buffer) => {
    size += chunk.length
    if (size > mostBytes) end(Result.fail(tooLarge))
    else chunks.push(chunk)
  })
  // Node itself reads a --env-file among its program's arguments, and then nothing is left in the pipe
  pipe.once(
    "end",
    () =>
      end(
        size === 0 ? Result.fail("brought nothing: write --env-from for a pipe") : Result.succeed(Buffer.concat(chunks))
      )
  )
  pipe.once("error", (error) => end(Result.fail(why(error))))
  return () => pipe.destroy()
}

const slurp = (fd: number, done: (bytes: Bytes) => void): void => {
  const buffer = Buffer.alloc(mostBytes + 1)
  const more = (filled: number): void =>
    fs.read(fd, buffer, filled, buffer.length - filled, null, (error, count) => {
      if (error === null && count > 0 && filled + count < buffer.length) return more(filled + count)
      fs.closeSync(fd)
      if (error !== null) return done(Result.fail(why(error)))
      done(filled + count > mostBytes ? Result.fail(tooLarge) : Result.succeed(buffer.subarray(0, filled + count)))
    })
  more(0)
}

/** All of a file or a pipe; the platform's file service would wait for a pipe in a thread that nothing can interrupt. */
const bytesOf = (file: string): Effect.Effect<Bytes> =>
  Effect.callback((resume) => {
    let stop = () => {}
    let isOver = false
    const done = (bytes: Bytes) => resume(Effect.succeed(bytes))
    fs.open(file, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK, (error, fd) => {
      if (error !== null) return done(Result.fail(why(error)))
      if (isOver) return fs.closeSync(fd)
      const stat = fs.fstatSync(fd)
      if (stat.isFIFO()) stop = drain(fd, done)
      else slurp(fd, done)
    })
    return Effect.sync(() => {
      isOver = true
      stop()
    })
  })

const textOf = (bytes: Buffer): Result.Result<string, string> => {
  try {
    // takes a byte order mark away
    return Result.succeed(new TextDecoder("utf-8", { fatal: true }).decode(bytes))
  } catch {
    return Result.fail("is not text in UTF-8")
  }
}

/** One variable: its value, null for that of the environment. */
type Entry = readonly [name: string, value: string | null]

const entryOf = (line: string): Result.Result<Entry | null, string> => {
  const trimmed = line.trimStart()
  if (trimmed === "" || trimmed.startsWith("#")) return Result.succeed(null)
  const text = trimmed.replace(/^export[ \t]+(?=\S)/, "")
  const at = text.indexOf("=")
  const name = at === -1 ? text.trimEnd() : text.slice(0, at)
  if (!/^[A-Za-z_][A-Za-z0-9_.-]*$/.test(name)) {
    return Result.fail("is neither NAME=VALUE nor NAME; a value cannot go on in the next line")
  }
  return Result.succeed([name, at === -1 ? null : text.slice(at + 1)])
}

/** The variables of a file's text in order; a name that comes again stands for the later value. */
export const parse = (
  text: string,
  variable: (name: string) => string | undefined
): { readonly entries: ReadonlyArray<readonly [string, Redacted.Redacted]>; readonly wrong: ReadonlyArray<string> } => {
  const entries: Array<readonly [string, Redacted.Redacted]> = []
  const wrong: Array<string> = []
  for (const [index, line] of text.replace(/^\uFEFF/, "").split(/\r?\n/).entries()) {
    const entry = entryOf(line)
    if (Result.isFailure(entry)) wrong.push(`line ${index + 1} ${entry.failure}`)
    else if (entry.success !== null) {
      const [name, own] = entry.success
      const value = own ?? variable(name)
      if (value === undefined) wrong.push(`line ${index + 1} names a variable that is not set in this environment`)
      else entries.push([name, Redacted.make(value)])
    }
  }
  return { entries, wrong }
}

/** The variables of these files, `-` for stdin; of a name in several the last one counts. */
export const read = (files: ReadonlyArray<string>, operation: string) =>
  Effect.gen(function*() {
    const { directory, input, variable } = yield* Shell
    const issues: Array<Issue> = []
    const all: Array<readonly [string, Redacted.Redacted]> = []
    const refuse = (file: string, message: string) =>
      void issues.push({ path: "--env-file", message: `${file} ${message}` })
    for (const [index, file] of files.entries()) {
      if (file === "" || (file === "-" && files.indexOf("-") < index)) {
        issues.push({ path: "--env-file", message: "give the name of a file, or - for stdin, which can be read once" })
        continue
      }
      yield* progress(`reading variables from ${file === "-" ? "stdin" : file}`)
      const bytes = file === "-"
        ? Result.succeed(Buffer.from(yield* input, "utf8"))
        : yield* bytesOf(path.resolve(directory, file))
      const text = Result.flatMap(bytes, textOf)
      if (Result.isFailure(text)) {
        refuse(file, text.failure)
        continue
      }
      const { entries, wrong } = parse(text.success, variable)
      all.push(...entries)
      for (const message of wrong.slice(0, mostIssues)) refuse(file, message)
      if (wrong.length > mostIssues) refuse(file, `has ${wrong.length - mostIssues} more lines that are wrong`)
    }
    return issues.length > 0 ? yield* invalid(operation, issues) : all
  })
