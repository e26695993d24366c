/**
 * Declarations that say each type once: the compiler writes the whole type of a schema again wherever another one holds it, which
 * would be a third of the package. `typeof import("./pods.js").Pod` is the same type.
 */
import { dirname, posix } from "node:path"
import { parseSync, Visitor } from "rolldown/utils"

/** Shorter ones are no gain. */
const shortest = 80

interface Span {
  readonly start: number
  readonly end: number
}

/** A type as it is written, whatever its layout and however it names a module of Effect. */
const normalized = (text: string): string =>
  text.replaceAll(/\/\*\*[\s\S]*?\*\//g, "").replaceAll(/import\("effect\/(\w+)"\)\./g, "$1.").replaceAll(/\s+/g, "")

/** What a type is built of, if that means the same in every file: nothing but Effect's schemas and values. */
const isPortable = (text: string): boolean => {
  const names = text.replaceAll(/"(?:[^"\\]|\\.)*"/g, "").matchAll(/(?<![\w.$])([A-Za-z_$][\w$]*)(?![\w$]*\??:)/g)
  return !text.includes("import(") &&
    [...names].every(([, name = ""]) =>
      /^(?:Schema|Redacted|DateTime|Duration|readonly\w*|string|number|boolean|true|false|null|never|undefined)$/.test(
        name
      )
    )
}

interface Parsed {
  readonly file: string
  readonly text: string
  /** Types of exported constants, by their names. */
  readonly declared: ReadonlyArray<readonly [string, Span]>
  /** Every type that could be one of them, outermost first. */
  readonly types: ReadonlyArray<Span>
}

const parse = (file: string, text: string): Parsed => {
  const { errors, program } = parseSync(file, text, { lang: "dts" })
  if (errors.length > 0) throw new Error(`${file}: ${errors[0]?.message}`)
  const types: Array<Span> = []
  const add = ({ end, start }: Span) => {
    if (end - start >= shortest) types.push({ start, end })
  }
  new Visitor({ TSTypeReference: add, TSImportType: add }).visit(program)
  const declared = program.body.flatMap((node) =>
    node.type === "ExportNamedDeclaration" && node.declaration?.type === "VariableDeclaration"
      ? node.declaration.declarations.flatMap(({ id }) =>
        id.type === "Identifier" && id.typeAnnotation
          ? [[id.name, id.typeAnnotation.typeAnnotation] as const]
          : []
      )
      : []
  )
  return { file, text, declared, types: types.toSorted((a, b) => a.start - b.start || b.end - a.end) }
}

/** The same declarations, each long type of schemas written where it is declared and nowhere else. */
export const once = (files: ReadonlyMap<string, string>): ReadonlyMap<string, string> => {
  const parsed = [...files].map(([file, text]) => parse(file, text))
  const homes = new Map<string, { readonly file: string; readonly name: string; readonly start: number }>()
  for (const { declared, file, text } of parsed) {
    for (const [name, { end, start }] of declared) {
      const type = normalized(text.slice(start, end))
      if (type.length >= shortest && isPortable(type) && !homes.has(type)) homes.set(type, { file, name, start })
    }
  }
  return new Map(parsed.map(({ file, text, types }) => {
    let out = ""
    let at = 0
    for (const { end, start } of types) {
      if (start < at) continue
      const home = homes.get(normalized(text.slice(start, end)))
      if (home === undefined || (home.file === file && home.start === start)) continue
      const path = posix.relative(dirname(file), home.file).replace(/\.d\.ts$/, ".js")
      const from = home.file === file ? "" : `import("${path.startsWith(".") ? path : `./${path}`}").`
      out += `${text.slice(at, start)}typeof ${from}${home.name}`
      at = end
    }
    return [file, out + text.slice(at)]
  }))
}

/** Without its comments: for declarations that no door leads to by name, so that no editor shows them to anybody. */
export const bare = (file: string, text: string): string => {
  let out = ""
  let at = 0
  for (const { end, start } of parseSync(file, text, { lang: "dts" }).comments) {
    out += text.slice(at, start).replace(/\n[ \t]*$/, "")
    at = end
  }
  return (out + text.slice(at)).trimStart()
}
