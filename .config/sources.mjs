/**
 * Inside the checkout "effect-atlas/..." means a file of `src`, by the doors of package.json: nothing has to be built for it.
 * The published package knows nothing of this. A plugin for rolldown and Vite; for Node `--import` of this file.
 */
import { readFileSync } from "node:fs"
import { registerHooks } from "node:module"
import { isMainThread } from "node:worker_threads"

const root = new URL("../", import.meta.url)
const manifest = JSON.parse(readFileSync(new URL("package.json", root), "utf8"))

/** The door of a subpath and what stands for its star; the longest name wins, as in Node. */
const doorOf = (subpath) =>
  Object.entries(manifest.exports)
    .map(([name, door]) => {
      const [before, after] = name.split("*")
      if (after === undefined) return { door, length: name === subpath ? Infinity : -1, star: "" }
      const fits = subpath.startsWith(before) && subpath.endsWith(after) && subpath.length >= name.length
      return {
        door,
        length: fits ? before.length : -1,
        star: subpath.slice(before.length, subpath.length - after.length)
      }
    })
    .reduce((best, one) => one.length > best.length ? one : best, { door: null, length: -1, star: "" })

/** The source that a specifier means, as a URL; undefined for other packages, and where no door leads. */
export const sourceOf = (specifier) => {
  if (specifier !== manifest.name && !specifier.startsWith(`${manifest.name}/`)) return undefined
  const { door, star } = doorOf(`.${specifier.slice(manifest.name.length)}`)
  if (door === null || typeof door === "string") return undefined
  return new URL(door.default.replace("*", star).replace("./dist/", "./src/").replace(/\.js$/, ".ts"), root)
}

/** For rolldown and Vite. */
export const sources = {
  name: "sources",
  enforce: "pre",
  resolveId: (specifier) => {
    const source = sourceOf(specifier)
    return source === undefined ? null : decodeURIComponent(source.pathname)
  }
}

/** The flag that makes a Node see the sources. */
export const fromSources = `--import=${import.meta.url}`

// as a preload of Node
if (isMainThread && process.execArgv.some((word) => word.endsWith("/.config/sources.mjs"))) {
  registerHooks({
    resolve: (specifier, context, next) => next(sourceOf(specifier)?.href ?? specifier, context)
  })
}
