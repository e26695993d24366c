// Imports every subpath of the installed package, as a user's plain JavaScript would.
import assert from "node:assert/strict"
import { globSync, readFileSync } from "node:fs"

const folder = "node_modules/effect-atlas"
const manifest = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"))

const names = Object.entries(manifest.exports).flatMap(([subpath, door]) => {
  if (door === null || typeof door === "string") return []
  const [before, after] = door.default.slice(2).split("*")
  if (after === undefined) return [subpath]
  return globSync(`${folder}/${before}*${after}`)
    .map((file) => subpath.replace("*", file.slice(folder.length + 1 + before.length, -after.length)))
}).filter((subpath) => manifest.exports[subpath] !== null).map((subpath) => `effect-atlas${subpath.slice(1)}`)

assert(names.length > 5, "the package has hardly any subpath")
for (const name of names) {
  const module = await import(name)
  console.log(`${name}: ${Object.keys(module).length} names`)
}

// the library works, not only loads
const { AtlasError } = await import("effect-atlas")
const error = AtlasError.invalid("spawnCompute", [{ path: "image", message: "is missing" }])
assert.equal(error.message, "[atlas] validation: image: is missing")
