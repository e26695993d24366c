/**
 * Which folder of `src/` (a room) may import which, and what none may import.
 *
 * A room is a folder of `src/` (each folder of `src/providers/` is its own) or one of the two files that stand there;
 * `internal/`, `engine/`, `session/` and `store/` are used only inside the folder they stand in.
 * `src/internal/` belongs to `Atlas.ts`. A file beside the folders of `src/providers/` is the door of one of them:
 * `RunPod.ts` and `RunPodClient.ts` that of `runpod/`, `LocalProvider.ts` that of `local/`.
 * To allow one more use, add it to `rooms`; to allow a single line, add it to `exceptions` with the reason.
 */
import { isBuiltin } from "node:module"
import { posix } from "node:path"
import ts from "typescript"
import type { File } from "./files.ts"

export interface Import {
  readonly specifier: string
  readonly line: number
  /** `file` is a module that is started by its path, as in `new URL("./worker.ts", import.meta.url)`. */
  readonly kind: "static" | "type" | "dynamic" | "file"
}

export interface Broken {
  readonly file: string
  readonly line: number
  readonly specifier: string
  readonly rule: string
}

/** One line that may break the law. */
export interface Exception {
  readonly file: string
  readonly specifier: string
  readonly why: string
}

export const exceptions: ReadonlyArray<Exception> = []

const ground = ["domain", "telemetry", "auth", "events", "storage"]
const upper = [...ground, "http", "provider"]
const product = [...upper, "fly", "jobs", "callbacks", "orchestrator", "Atlas.ts"]

/** Each room and the rooms it may use, lowest floor first. `providers/*` holds for the clouds not named here. */
export const rooms: Readonly<Record<string, ReadonlyArray<string>>> = {
  domain: [],
  telemetry: ["domain"],
  auth: ["domain"],
  events: ["domain"],
  storage: ["domain"],
  http: ["domain"],
  provider: ["domain", "telemetry", "auth", "http"],
  fly: ["domain", "telemetry", "events", "storage", "http"],
  "providers/*": ["domain", "telemetry", "auth", "http", "provider"],
  "providers/flymachines": ["domain", "telemetry", "auth", "http", "provider", "fly"],
  "providers/local": ["domain", "telemetry", "auth", "http", "provider", "storage"],
  jobs: upper,
  callbacks: upper,
  orchestrator: upper,
  "Atlas.ts": ["domain", "provider", "jobs"],
  "index.ts": ["domain", "auth", "provider", "Atlas.ts"],
  testing: [...product, "providers/*"],
  api: product,
  dashboard: product,
  cli: [...product, "providers/*", "testing", "api", "dashboard"]
}

/** Rooms that must also load in a browser, or be light enough for every user. */
const withoutNode = ["domain", "auth", "http", "provider", "telemetry", "Atlas.ts", "index.ts"]

/** Packages that may be imported at all, and where; `*` is everywhere. */
const packages: Readonly<Record<string, ReadonlyArray<string>>> = {
  effect: ["*"],
  "@effect/platform-node": ["cli", "testing", "providers/*"],
  "@effect/vitest": ["testing"],
  vitest: ["testing"]
}

const roomOf = (path: string): string => {
  const [, first = "", second = ""] = path.split("/")
  if (first === "internal") return "Atlas.ts"
  return first === "providers" ? `providers/${doorOf(second) ?? second}` : first
}

/** The folder that a file beside the providers' folders is the door of. */
const doorOf = (name: string): string | undefined => /^(\w+?)(?:Provider|Client)?\.ts$/.exec(name)?.[1]?.toLowerCase()

/** Where a file belongs: its own folder, or the one that it is the door of. */
const placeOf = (path: string): string => {
  const room = roomOf(path)
  return room.startsWith("providers/") && path.split("/").length === 3 ? `src/${room}/` : path
}

const includes = (allowed: ReadonlyArray<string>, room: string): boolean =>
  allowed.includes("*") || allowed.includes(room) || (room.startsWith("providers/") && allowed.includes("providers/*"))

const isFake = (path: string): boolean => posix.basename(path).startsWith("Fake")

const packageOf = (specifier: string): string =>
  specifier.split("/").slice(0, specifier.startsWith("@") ? 2 : 1).join("/")

const kindOf = (typeOnly: boolean): Import["kind"] => typeOnly ? "type" : "static"

const isImportMetaUrl = (node: ts.Node | undefined): boolean => node?.getText() === "import.meta.url"

const found = (node: ts.Node): readonly [ts.Node | undefined, Import["kind"]] | undefined => {
  if (ts.isImportDeclaration(node)) {
    return [node.moduleSpecifier, kindOf(node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword)]
  }
  if (ts.isExportDeclaration(node)) return [node.moduleSpecifier, kindOf(node.isTypeOnly)]
  if (ts.isExternalModuleReference(node)) return [node.expression, "static"]
  if (ts.isModuleDeclaration(node) && ts.isStringLiteral(node.name)) return [node.name, "type"]
  if (ts.isImportTypeNode(node)) {
    return [ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined, "type"]
  }
  if (ts.isCallExpression(node)) {
    if (node.expression.kind === ts.SyntaxKind.ImportKeyword) return [node.arguments[0], "dynamic"]
    if (["require", "import.meta.resolve"].includes(node.expression.getText())) return [node.arguments[0], "dynamic"]
  }
  if (ts.isNewExpression(node) && node.expression.getText() === "URL" && isImportMetaUrl(node.arguments?.[1])) {
    return [node.arguments?.[0], "file"]
  }
  return undefined
}

/** What the law cannot follow: a module whose name is put together when the program runs. */
const computed = "(computed)"

/** `new URL("b.ts", ...)` is the file `./b.ts`, where an import of `b.ts` would be a package. */
const asFile = (text: string): string => /^(\.|\/|\w+:)/.test(text) ? text : `./${text}`

const specifierOf = (node: ts.Node, kind: Import["kind"]): string | undefined => {
  if (!ts.isStringLiteralLike(node)) return kind === "dynamic" ? computed : undefined
  if (kind !== "file") return node.text
  return /\.[cm]?[jt]s$/.test(node.text) ? asFile(node.text) : undefined
}

/** Every module a file names, in order. */
export const importsOf = ({ path, text }: File): ReadonlyArray<Import> => {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
  const lineOf = (position: number): number => source.getLineAndCharacterOfPosition(position).line + 1
  const imports: Array<Import> = source.referencedFiles.map(({ fileName, pos }) => ({
    specifier: asFile(fileName),
    line: lineOf(pos),
    kind: "type"
  }))
  const visit = (node: ts.Node): void => {
    const [named, kind] = found(node) ?? []
    const specifier = named === undefined || kind === undefined ? undefined : specifierOf(named, kind)
    if (named !== undefined && kind !== undefined && specifier !== undefined) {
      imports.push({ specifier, line: lineOf(named.getStart()), kind })
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return imports
}

/** The path of the source that a relative import means, undefined for a package; the build names it with `.js`. */
export const target = (file: string, specifier: string): string | undefined =>
  specifier.startsWith(".")
    ? posix.normalize(posix.join(posix.dirname(file), specifier)).replace(/\.js$/, ".ts")
    : undefined

/** Folders that only their own wing uses, the folder they stand in; all others use the files beside them. */
const closed = ["internal", "engine", "session", "store"]

/** The closed folders a path lies in, outermost first, each with the wing it belongs to. */
const closedOn = (path: string): ReadonlyArray<{ readonly folder: string; readonly owner: string }> => {
  const parts = path.split("/")
  return parts.slice(0, -1).flatMap((folder, index) =>
    closed.includes(folder) ? [{ folder, owner: parts.slice(0, index).join("/") }] : []
  )
}

/** What no law can be held against: a name that leads to no file of src until a compiler or a running program completes it. */
const brokenName = (specifier: string, kind: Import["kind"]): string | undefined => {
  if (specifier === computed) return "write the name of the module as a text, so that laws can follow it"
  const isOurs = specifier.startsWith(".") && kind !== "file"
  return isOurs && !specifier.endsWith(".ts") ? "name the file itself, with .ts at its end" : undefined
}

const brokenInside = (file: string, to: string): string | undefined => {
  if (!to.startsWith("src/")) return "src uses nothing outside src"
  const [from, room] = [roomOf(file), roomOf(to)]
  for (const { folder, owner } of closedOn(to)) {
    const isOwn = owner === "src" ? from === room : placeOf(file).startsWith(`${owner}/`)
    if (!isOwn) return `${folder}/ belongs to ${owner === "src" ? room : owner}`
  }
  if (from === room) return undefined
  if (room === "testing" && isFake(file)) return undefined
  if (from === "testing" && room.startsWith("providers/") && !isFake(to)) {
    return "of providers/*, testing uses only the Fake* files"
  }
  const allowed = rooms[from] ?? rooms["providers/*"] ?? []
  if (includes(allowed, room)) return undefined
  return `${from} may use ${allowed.length === 0 ? "nothing of ours" : allowed.join(", ")}; not ${room}`
}

const brokenOutside = (file: string, specifier: string, barrels: ReadonlyArray<string>): string | undefined => {
  const room = roomOf(file)
  if (isBuiltin(specifier)) {
    return withoutNode.includes(room) ? `${room} must load without Node` : undefined
  }
  if (specifier.startsWith("effect/unstable/")) return "effect/unstable is gone in Effect 4.1"
  if (barrels.includes(specifier)) return "import the one module (effect/Effect, effect/http/HttpClient), not a barrel"
  const name = packageOf(specifier)
  const allowed = packages[name]
  if (allowed === undefined) return `${name} is not among the packages src may use`
  return includes(allowed, room) ? undefined : `${name} is for ${allowed.join(", ")} only`
}

/** Every import that breaks a rule. `barrels` are specifiers that load a whole package or subpath. */
export const brokenImports = (
  files: ReadonlyArray<File>,
  options: { readonly barrels: ReadonlyArray<string>; readonly exceptions?: ReadonlyArray<Exception> }
): ReadonlyArray<Broken> =>
  files.flatMap((file) => {
    if (rooms[roomOf(file.path)] === undefined && !roomOf(file.path).startsWith("providers/")) {
      const rule = `${roomOf(file.path)} is a folder that the law does not know: say in \`rooms\` which it may use`
      return [{ file: file.path, line: 1, specifier: file.path, rule }]
    }
    return importsOf(file).flatMap(({ kind, line, specifier }) => {
      const to = target(file.path, specifier)
      const rule = brokenName(specifier, kind) ?? (to === undefined
        ? brokenOutside(file.path, specifier, options.barrels)
        : brokenInside(file.path, to))
      const excused = options.exceptions?.some((one) => one.file === file.path && one.specifier === specifier) ?? false
      return rule === undefined || excused ? [] : [{ file: file.path, line, specifier, rule }]
    })
  })

export const render = ({ file, line, specifier, rule }: Broken): string =>
  `${file}:${line} uses "${specifier}": ${rule}`
