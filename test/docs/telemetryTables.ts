/**
 * The tables and the drawn trace of guides/telemetry.md, as data.
 */
import { assert } from "@effect/vitest"
import type * as Tracer from "effect/Tracer"
import { matching } from "../laws/files.ts"
import { blocksOf } from "../laws/snippets.ts"

const path = "guides/telemetry.md"

/** The page; there is one. */
export const page = () => {
  const [found] = matching([path])
  assert.isDefined(found, `${path} is missing`)
  return found
}

const cellsOf = (line: string): ReadonlyArray<string> => line.split("|").slice(1, -1).map((cell) => cell.trim())

/** The rows of the table under a heading, without its head. */
export const table = (heading: string): ReadonlyArray<ReadonlyArray<string>> => {
  const lines = page().text.split("\n")
  const at = lines.indexOf(`## ${heading}`)
  assert.isAtLeast(at, 0, `${path} has no heading "${heading}"`)
  const next = lines.findIndex((line, index) => index > at && line.startsWith("## "))
  const rows = lines.slice(at, next === -1 ? undefined : next).filter((line) => line.startsWith("|")).map(cellsOf)
  return rows.slice(2)
}

/** The names in code of a cell: those between backticks. */
export const namesIn = (cell: string | undefined): ReadonlyArray<string> =>
  [...(cell ?? "").matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? "")

/** The block that draws a trace. */
export const drawing = (): string => blocksOf(page()).find(({ info }) => info === "trace")?.text.trimEnd() ?? ""

const parts = ["reason", "outcome", "spent_usd", "user.id", "error.kind"]

/** A span in one line: its name, what it says of how it went, and what its links lead to. */
const lineOf = (span: Tracer.NativeSpan, roots: ReadonlyArray<Tracer.NativeSpan>): string => {
  const said = [...span.attributes].flatMap(([key, value]) => {
    const short = parts.find((part) => key.endsWith(`.${part}`))
    return short === undefined ? [] : [`${short}=${typeof value === "number" ? value.toFixed(2) : String(value)}`]
  })
  const leads = span.links.flatMap(({ attributes, span: { traceId } }) => {
    const index = roots.findIndex((root) => root.traceId === traceId)
    const role = String(attributes["atlas.link"]).replace("_", " ")
    return index === -1 || roots[index]?.traceId === span.traceId ? [] : [`${role} ${index + 1}`]
  })
  const links = leads.length === 0 ? "" : `  -> ${[...new Set(leads)].join(", ")}`
  return [span.name, ...said].join("  ") + links
}

const idOf = ({ parent }: Tracer.NativeSpan): string | null => parent._tag === "Some" ? parent.value.spanId : null

/** Draws the traces of these spans as a tree each; the number before a trace is what links lead to. */
export const draw = (spans: ReadonlyArray<Tracer.NativeSpan>): string => {
  const roots = spans.filter((span) => idOf(span) === null)
  const below = (span: Tracer.NativeSpan, indent: string): ReadonlyArray<string> => {
    const children = spans.filter((one) => idOf(one) === span.spanId)
    return children.flatMap((child, index) => {
      const isLast = index === children.length - 1
      return [
        `${indent}${isLast ? "└─ " : "├─ "}${lineOf(child, roots)}`,
        ...below(child, `${indent}${isLast ? "   " : "│  "}`)
      ]
    })
  }
  return roots.map((root, index) => {
    const mark = `${index + 1}. `
    return [`${mark}${lineOf(root, roots)}`, ...below(root, " ".repeat(mark.length))].join("\n")
  }).join("\n")
}
