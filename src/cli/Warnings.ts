/**
 * Warnings on stderr: a plain line for people, one JSON object with a `type` for programs.
 */
import * as Array from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import type * as LogLevel from "effect/LogLevel"
import * as References from "effect/References"
import * as ForeignText from "../domain/ForeignText.ts"
import { type Invocation, Shell } from "./Shell.ts"

type Fields = Readonly<Record<string, unknown>>

/** What is not in order, as it is printed. */
export const render = ({ json }: Pick<Invocation, "json">, message: string, fields: Fields = {}): string =>
  json ? JSON.stringify({ type: "warning", message, ...fields }) : `warning: ${ForeignText.line(message)}`

/** Says what is not in order while the command goes on. */
export const warn = (message: string, fields?: Fields): Effect.Effect<void, never, Shell> =>
  Effect.flatMap(Shell, ({ err, invocation }) => err(render(invocation, message, fields)))

const isWarning = (level: LogLevel.LogLevel): boolean => level === "Warn" || level === "Error" || level === "Fatal"

const wordOf = (part: unknown): string => {
  if (typeof part === "string") return part
  if (part instanceof Error) return part.message
  return JSON.stringify(part) ?? String(part)
}

/** What the library logs, as a person reads it; in full where `--log-level` asks for detail. */
export const logger = ({ err, invocation }: Shell["Service"]): Logger.Logger<unknown, void> =>
  Logger.make((entry) => {
    const { cause, fiber, logLevel, message } = entry
    // written at once: what goes to stderr waits for no reader
    const write = (text: string) => void Effect.runFork(err(text))
    if (invocation.debug && !invocation.json) return write(Logger.formatLogFmt.log(entry))
    const details = Object.entries(fiber.getRef(References.CurrentLogAnnotations))
    const said = [
      ...Array.ensure(message).map(wordOf),
      ...Cause.prettyErrors(cause).slice(0, 1).map((error) => error.message)
    ].filter((word) => word !== "").join(" ")
    if (invocation.json) {
      const fields = { level: logLevel.toLowerCase(), ...Object.fromEntries(details) }
      return write(
        isWarning(logLevel)
          ? render(invocation, said, fields)
          : JSON.stringify({ type: "log", message: said, ...fields })
      )
    }
    const text = details.length === 0
      ? said
      : `${said} (${details.map(([name, value]) => `${name}: ${wordOf(value)}`).join(", ")})`
    write(isWarning(logLevel) ? render(invocation, text) : `${logLevel.toLowerCase()}: ${ForeignText.line(text)}`)
  })
