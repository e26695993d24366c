// Runs what Vite has built, with a fetch of its own and without Node's modules.
import assert from "node:assert/strict"
import { readFileSync } from "node:fs"

const built = readFileSync("built/page.js", "utf8")
assert(!/\b(?:from|import)\s*\(?\s*["'`]node:/.test(built), "the page imports a module of Node")
const { pods, session } = await import("./built/page.js")
const answer = { pods: [{ id: "p1", name: "web", status: "RUNNING" }], pagination: { hasMore: false } }
const asked = []
const found = await pods((url) => {
  asked.push(String(url))
  return Promise.resolve(Response.json(answer))
})
console.log(`page: ${built.length} bytes, asked ${asked[0]}, found ${found}; session ${await session()}`)
