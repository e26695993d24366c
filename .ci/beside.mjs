/**
 * `node .ci/beside.mjs COMMAND...`: runs shell commands side by side. The first one prints as it goes; what the others print
 * is shown when all are over. Exit code 1 when one failed; each of those is named.
 */
import { spawn } from "node:child_process"

const commands = process.argv.slice(2)

const runs = commands.map((command, index) => {
  const output = []
  const child = spawn(command, { shell: true, stdio: index === 0 ? "inherit" : ["ignore", "pipe", "pipe"] })
  child.stdout?.on("data", (chunk) => output.push(chunk))
  child.stderr?.on("data", (chunk) => output.push(chunk))
  const ended = new Promise((resolve) => {
    child.on("error", (error) => resolve(error.message))
    child.on("close", (code, signal) => resolve(code ?? signal))
  })
  return { command, output, ended }
})

const failed = []
for (const { command, ended, output } of runs) {
  const code = await ended
  if (output.length > 0) process.stdout.write(`\n> ${command}\n${Buffer.concat(output)}`)
  if (code !== 0) failed.push(`${command} ended with ${code}`)
}
for (const one of failed) console.error(one)
process.exitCode = failed.length > 0 ? 1 : 0
