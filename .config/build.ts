/**
 * `npm run build`: what is published, in `dist`.
 *
 * The library keeps its modules, so that bundlers leave out what is not used. It is written without comments (the declarations have
 * them) and layout, but with all names and a line for each statement of a module: a stack trace is read without a map, and maps
 * with their sources would be more than everything else together.
 *
 * The command is a bundle that holds what it uses of Effect and of `@effect/platform-node`: it starts from a few files instead of
 * hundreds, and is there where only the library and its peer `effect` are installed. Each command stays a file of its own.
 */
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import { dirname, join, posix } from "node:path"
import { fileURLToPath } from "node:url"
import { type OutputOptions, type Plugin, rolldown } from "rolldown"
import { parseSync } from "rolldown/utils"
import { bare, once } from "./declarations.ts"

interface Door {
  readonly types: string
  readonly default: string
}

process.chdir(fileURLToPath(new URL("..", import.meta.url)))

const manifest: { readonly exports: Readonly<Record<string, Door | string | null>> } = JSON.parse(
  fs.readFileSync("package.json", "utf8")
)

const doors = Object.values(manifest.exports).filter((door) => typeof door === "object" && door !== null)

/** Started by its path, beside the file that starts it. */
const inferenceServer = "src/providers/local/internal/inferenceServer.ts"

const write = (file: string, text: string): void => {
  fs.mkdirSync(dirname(file), { recursive: true })
  fs.writeFileSync(file, text)
}

const comments: OutputOptions["comments"] = { legal: false, jsdoc: false, annotation: true }

/** Each statement of a module on a line of its own, and each constant. */
const inLines = (file: string, code: string): string => {
  const { body, hashbang } = parseSync(file, code).program
  const starts = body.flatMap((node) =>
    node.type === "VariableDeclaration"
      ? [node.start, ...node.declarations.slice(1).map(({ start }) => start)]
      : [node.start]
  )
  const lines = starts.map((start, index) => code.slice(start, starts[index + 1] ?? body.at(-1)?.end).trimEnd())
  return [...(hashbang === null ? [] : [`#!${hashbang.value}`]), ...lines].map((line) => `${line}\n`).join("")
}

const library = async (): Promise<void> => {
  const sources = doors.flatMap((door) => fs.globSync(door.default.replace("./dist/", "src/").replace(/\.js$/, ".ts")))
  const bundle = await rolldown({
    input: Object.fromEntries(
      [...sources, inferenceServer].map((file) => [file.slice("src/".length, -".ts".length), file])
    ),
    platform: "neutral",
    external: [/^effect\//, /^node:/],
    // what is left out is for the bundler of the application to say
    treeshake: false,
    preserveEntrySignatures: "strict",
    logLevel: "warn"
  })
  const { output } = await bundle.generate({
    format: "esm",
    preserveModules: true,
    preserveModulesRoot: "src",
    entryFileNames: "[name].js",
    comments,
    minify: {
      // a statement stays a statement, so that a stack trace leads to it
      compress: { sequences: false, joinVars: false, unused: false, keepNames: { function: true, class: true } },
      mangle: false,
      codegen: { removeWhitespace: true }
    }
  })
  await bundle.close()
  for (const one of output) {
    if (one.type === "chunk") write(`dist/${one.fileName}`, inLines(one.fileName, one.code))
  }
}

/** Every declaration that the doors lead to. */
const reached = (): ReadonlySet<string> => {
  const files = new Set(doors.flatMap((door) => fs.globSync(posix.normalize(door.types))))
  for (const file of files) {
    for (const [, name = ""] of fs.readFileSync(file, "utf8").matchAll(/\b(?:from\s*|import\s*\(?\s*)"(\.[^"]+)"/g)) {
      files.add(posix.join(dirname(file), name).replace(/\.[jt]s$/, ".d.ts"))
    }
  }
  return files
}

const declarations = (): void => {
  const { status } = spawnSync("tsc", ["-p", ".config/tsconfig.build.json"], { stdio: "inherit" })
  if (status !== 0) process.exit(1)
  const used = reached()
  const all = fs.globSync("dist/**/*.d.ts")
  for (const file of all) if (!used.has(file)) fs.rmSync(file)
  const texts = all.filter((file) => used.has(file)).map((file) => [file, fs.readFileSync(file, "utf8")] as const)
  const shown = new Set(doors.flatMap((door) => fs.globSync(posix.normalize(door.types))))
  for (const file of shown) {
    for (const [, name = ""] of fs.readFileSync(file, "utf8").matchAll(/^(?:export|\}).* from "(\.[^"]+)"/gm)) {
      shown.add(posix.join(dirname(file), name).replace(/\.[jt]s$/, ".d.ts"))
    }
  }
  for (const [file, declared] of once(new Map(texts))) {
    const text = shown.has(file) ? declared : bare(file, declared)
    write(
      file,
      text
        // the places in the reference pages, which are made from the sources
        .replaceAll(/^ *\* @(?:category|since) .*\n/gm, "")
        .replaceAll(/(?:^ *\*\n)+(?= *\*\/)/gm, "")
        .replaceAll(/^ *\/\*\*\n *\*\/\n/gm, "")
        .replaceAll(/^( {4})+/gm, (indent) => "\t".repeat(indent.length / 4))
        // the compiler leaves the names of sources in declarations
        .replaceAll(/((?:from|import\()\s*"\.[^"]+)\.ts"/g, "$1.js\"")
    )
  }
}

/** What the command does without, by the names of the modules. */
const stubs: ReadonlyMap<string, string> = new Map([
  // the fakes that `atlas dev` serves speak no WebSocket
  ["@effect/platform-node-shared/NodeWS", "export class WebSocket {}\nexport class WebSocketServer {}\n"],
  // pays after thousands of rows or lines, which a library's host has; a schema that is not compiled reads the same
  ["effect/schema/SchemaJITCompiler", "export const enable = () => {}\n"]
])

const without: Plugin = {
  name: "without",
  resolveId: (id) => stubs.has(id) ? id : null,
  load: (id) => stubs.get(id) ?? null
}

/**
 * What the commands of an account load in any case: two files instead of dozens, each of which costs as much as its first lines. The
 * help has none of it.
 */
const groups = [
  {
    name: "domain",
    minShareCount: 2,
    test: /\/src\/(?:domain\/(?!ForeignText|TimeSpan|Version)|http|storage|telemetry)/
  },
  {
    name: "account",
    minShareCount: 2,
    test:
      /\/src\/(?:Atlas|jobs|auth|provider|providers\/(?:(?:RunPod|LocalProvider|MockProvider)\.ts|mock|local|runpod\/internal))\b(?!.*inferenceServer)/
  }
]

/** Files that load each other run in an order that depends on who asks first, and may find a class that is not there yet. */
const refuseCircles = (files: ReadonlyMap<string, ReadonlyArray<string>>): void => {
  const done = new Set<string>()
  const visit = (file: string, way: ReadonlyArray<string>): void => {
    if (way.includes(file)) throw new Error(`files of the command load each other: ${[...way, file].join(" > ")}`)
    if (done.has(file)) return
    for (const next of files.get(file) ?? []) visit(next, [...way, file])
    done.add(file)
  }
  for (const file of files.keys()) visit(file, [])
}

const command = async (): Promise<void> => {
  const bundle = await rolldown({
    input: { atlas: "src/cli/main.ts", inferenceServer },
    platform: "node",
    // as large as all the rest, for the few who are behind a proxy
    external: ["@effect/platform-node/Undici"],
    plugins: [without],
    preserveEntrySignatures: "allow-extension",
    logLevel: "warn"
  })
  const { output } = await bundle.write({
    dir: "dist/cli",
    format: "esm",
    chunkFileNames: "[name]-[hash].js",
    codeSplitting: { groups, includeDependenciesRecursively: false },
    comments: { ...comments, annotation: false },
    minify: true
  })
  await bundle.close()
  // Node prints the whole line of what nobody caught
  for (const one of output) if (one.type === "chunk") write(`dist/cli/${one.fileName}`, inLines(one.fileName, one.code))
  refuseCircles(new Map(output.flatMap((one) => one.type === "chunk" ? [[one.fileName, one.imports] as const] : [])))
}

fs.rmSync("dist", { recursive: true, force: true })
await library()
declarations()
await command()
for (const directory of fs.globSync("dist/**/").toSorted().toReversed()) {
  if (fs.readdirSync(directory).length === 0) fs.rmdirSync(directory)
}
fs.chmodSync(join("dist", "cli", "atlas.js"), 0o755)
