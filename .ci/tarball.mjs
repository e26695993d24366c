// What `npm pack` would publish, from what is built: its size, its doors and the links of its pages. `node .ci/tarball.mjs`
import { spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { posix } from "node:path"

/** Unpacked, as npm counts it. */
const mostBytes = 3_000_000

const { stderr, stdout } = spawnSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], { encoding: "utf8" })
// npm answers a list, or a record by name
const [packed] = Object.values(JSON.parse(stdout || `[{ "error": ${JSON.stringify(stderr)} }]`))
if (packed.files === undefined) throw new Error(JSON.stringify(packed))
const files = new Set(packed.files.map(({ path }) => path))
const faults = []

if (packed.unpackedSize > mostBytes) {
  faults.push(`the package has ${packed.unpackedSize} bytes unpacked; at most ${mostBytes} are allowed`)
}

const manifest = JSON.parse(readFileSync("package.json", "utf8"))
for (const path of files) {
  const isMeant = /^(dist|guides)\//.test(path) ||
    ["package.json", "README.md", "LICENSE"].includes(path)
  if (!isMeant) faults.push(`${path} is packed, and nobody needs it`)
}

// every file that package.json names
for (
  const target of [...Object.values(manifest.bin), ...Object.values(manifest.exports)].flatMap((door) =>
    door === null ? [] : typeof door === "string" ? [door] : Object.values(door)
  )
) {
  const [before, after] = target.slice(2).split("*")
  const isThere = after === undefined
    ? files.has(before)
    : [...files].some((path) => path.startsWith(before) && path.endsWith(after))
  if (!isThere) faults.push(`package.json leads to ${target}, which is not packed`)
}

const fileOf = (from, name) => posix.join(posix.dirname(from), name)

for (const path of files) {
  if (!/\.(md|js|ts)$/.test(path)) continue
  const text = readFileSync(path, "utf8")
  // imports, and maps
  if (path.startsWith("dist/")) {
    for (const [, name] of text.matchAll(/(?:\bfrom\s*|\bimport\s*\(?\s*)["'`](\.[^"'`]+)["'`]/g)) {
      const to = fileOf(path, name)
      const isThere = files.has(to) || (path.endsWith(".d.ts") && files.has(to.replace(/\.js$/, ".d.ts")))
      if (!isThere) faults.push(`${path} imports ${name}, which is not packed`)
    }
    if (/^\/\/[#@] sourceMappingURL=(?!data:)/m.test(text)) faults.push(`${path} names a map, and none is packed`)
  }
  // links of pages, as the page of the package and an editor follow them
  if (path.endsWith(".md")) {
    for (const [, link] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^(https?:|mailto:|#)/.test(link)) continue
      const to = fileOf(path, link.replace(/#.*$/, ""))
      if (!files.has(to)) faults.push(`${path} links to ${link}, which is not packed`)
    }
  }
}

for (const fault of faults) console.error(fault)
console.log(
  `${packed.entryCount} files, ${packed.unpackedSize} bytes unpacked of at most ${mostBytes}, ${packed.size} bytes packed`
)
if (faults.length > 0) process.exitCode = 1
