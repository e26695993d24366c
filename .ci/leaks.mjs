// Looks for the secrets of the tests, which all have "canary" in them, in what a run has written: logs, reports, files.
// Only a private token file may hold one: 0600, in a directory 0700. Says where, never what. `node .ci/leaks.mjs PATH...`
import { lstatSync, readdirSync, readFileSync } from "node:fs"
import { basename, dirname, join } from "node:path"

const secret = /canary/i
const tokenFile = /\.(cached|manual)\.json$/

const modeOf = (path) => lstatSync(path).mode & 0o777
const isPrivate = (path) => tokenFile.test(path) && modeOf(path) === 0o600 && modeOf(dirname(path)) === 0o700

/** Every file below, links not followed; sockets, pipes and devices hold nothing that lasts. */
const filesOf = (path) => {
  const stats = lstatSync(path)
  return stats.isDirectory()
    ? readdirSync(path).flatMap((name) => filesOf(join(path, name)))
    : stats.isFile()
    ? [path]
    : []
}

const paths = process.argv.slice(2)
const files = paths.flatMap(filesOf)
const found = files.flatMap((path) => {
  const inName = secret.test(basename(path)) ? [`${dirname(path)}: the name of a file`] : []
  if (isPrivate(path)) return inName
  // bytes as they are, whatever they mean
  const lines = readFileSync(path, "latin1").split("\n")
  return [...inName, ...lines.flatMap((line, at) => secret.test(line) ? [`${path}:${at + 1}`] : [])]
})

for (const place of found) console.error(`a secret of the tests: ${place}`)
console.log(`${files.length} files looked through, ${found.length} leaks`)
if (paths.length === 0 || files.length === 0 || found.length > 0) process.exitCode = 1
