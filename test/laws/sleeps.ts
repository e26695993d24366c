/**
 * Where a test waits for time to pass, or looks at how much has passed: both make it fail on a busy machine.
 */
import ts from "typescript"
import type { File } from "./files.ts"

export interface Sleep {
  readonly file: string
  readonly line: number
  readonly what: string
}

/** Calls that measure or pass real time wherever they stand. */
const calls =
  /^(globalThis\.)?(setTimeout|setInterval|Date\.now|performance\.now|process\.hrtime(\.bigint)?|Atomics\.wait)$/

/** Modules whose only use is to let time pass. */
const modules = /^(node:)?timers(\/promises)?$/

/** Effects that pass the time of the clock they run under, which `it.live` makes the real one. */
const effects = /^Effect\.(sleep|delay|timeout\w*)$/

/** Starts a test under the real clock. */
const live = /^it\.live\b/

/** Every sleep and every look at the time that is not on the clock of a test. */
export const sleepsOf = ({ path, text }: File): ReadonlyArray<Sleep> => {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
  const found: Array<Sleep> = []
  const report = (node: ts.Node, what: string): void => {
    found.push({ file: path, line: source.getLineAndCharacterOfPosition(node.getStart()).line + 1, what })
  }
  const visit = (node: ts.Node, isLive: boolean): void => {
    if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
      if (modules.test(node.moduleSpecifier.text)) report(node, node.moduleSpecifier.text)
    }
    if (ts.isNewExpression(node) && node.getText() === "new Date()") report(node, "new Date()")
    const name = ts.isCallExpression(node) ? node.expression.getText() : ""
    if (calls.test(name) || (isLive && effects.test(name))) report(node, name)
    ts.forEachChild(node, (child) => visit(child, isLive || live.test(name)))
  }
  visit(source, false)
  return found
}
