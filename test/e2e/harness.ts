/**
 * The `atlas` program as a user runs it: a new process each time, with a state directory of its own.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { programOf } from "../support/programs.ts"
import { until } from "../support/until.ts"

const program = programOf("atlas")
export const server = fileURLToPath(new URL("fixtures/server.cjs", import.meta.url))

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A compute in JSON, as far as the tests look at it. */
export interface Compute {
  readonly id: string
  readonly status: string
  readonly ports: ReadonlyArray<{ readonly external: number; readonly url: string }>
  readonly auth: { readonly token: string; readonly header: string } | null
  readonly exitCode: number | null
}

export interface Running {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  /** Waits until stdout has something that matches. */
  readonly seen: (pattern: RegExp) => Promise<void>
}

/** Whether anything runs in a process group; a dead process whose parent has not collected it yet does not run. */
export const isGroupAlive = (group: number): boolean => {
  const all = fs.existsSync("/proc/self/stat")
    ? fs.readdirSync("/proc").filter((name) => /^\d+$/.test(name)).flatMap((pid) => {
      try {
        return [fs.readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) (\S+) \S+ (\S+) .*$/s, "$2 $1")]
      } catch {
        return []
      }
    })
    : spawnSync("ps", ["-A", "-o", "pgid=,stat="], { encoding: "utf8" }).stdout.split("\n")
  return all.map((line) => line.trim().split(/\s+/))
    .some(([pgid, stat = "Z"]) => Number(pgid) === group && !stat.startsWith("Z"))
}

/** A place to rent in, and what must be true of it when nothing is left. */
export const makeHome = () => {
  const directory = fs.mkdtempSync(join(tmpdir(), "atlas-e2e-"))
  const state = join(directory, "state")
  const own = Object.entries(process.env).filter(([name]) => !/^(ATLAS_|FLY_|XDG_|npm_|NODE_OPTIONS|VITEST)/.test(name))
  // neither the user's login at Fly nor the user's token files
  const fly = { FLY_CONFIG_DIR: join(directory, ".fly"), ATLAS_FLY_TOKENS_DIR: join(directory, "tokens") }
  const environment = { ...Object.fromEntries(own), ATLAS_STATE_DIR: state, NO_COLOR: "1", ...fly }

  const children: Array<ChildProcess> = []

  const start = (args: ReadonlyArray<string>, env: Readonly<Record<string, string>> = {}): Running => {
    const child = spawn(process.execPath, [program, ...args], {
      cwd: directory,
      env: { ...environment, ...env },
      stdio: ["ignore", "pipe", "pipe"]
    })
    children.push(child)
    let stdout = ""
    let stderr = ""
    child.stdout.on("data", (chunk: Buffer) => stdout += chunk.toString("utf8"))
    child.stderr.on("data", (chunk: Buffer) => stderr += chunk.toString("utf8"))
    const ended = new Promise<Ended>((resolve, reject) => {
      child.on("error", reject)
      child.on("close", (code) => resolve({ code, stdout, stderr }))
    })
    return { child, ended, seen: (pattern) => until(`${pattern} in ${args.join(" ")}`, () => pattern.test(stdout)) }
  }

  const run = (args: ReadonlyArray<string>, env?: Readonly<Record<string, string>>): Promise<Ended> =>
    start(args, env).ended

  /** Runs a command that must succeed, and reads its JSON. */
  const json = async (...args: ReadonlyArray<string>): Promise<unknown> => {
    const at = args.indexOf("--")
    const all = at === -1 ? [...args, "--json"] : [...args.slice(0, at), "--json", ...args.slice(at)]
    const { code, stderr, stdout } = await run(all)
    if (code !== 0 || stderr !== "") throw new Error(`atlas ${all.join(" ")} ended with ${code}: ${stderr}`)
    return JSON.parse(stdout)
  }

  /** One shell command line with `atlas` in it; ends with the exit codes of its parts. */
  const shell = (line: string): Promise<Ended> => {
    const child = spawn("bash", ["-c", `atlas() { "${process.execPath}" "${program}" "$@"; }\n${line}`], {
      cwd: directory,
      env: environment,
      stdio: ["ignore", "pipe", "pipe"]
    })
    children.push(child)
    let stdout = ""
    let stderr = ""
    child.stdout.on("data", (chunk: Buffer) => stdout += chunk.toString("utf8"))
    child.stderr.on("data", (chunk: Buffer) => stderr += chunk.toString("utf8"))
    return new Promise((resolve) => child.on("close", (code) => resolve({ code, stdout, stderr })))
  }

  /** Starts another program, of which nobody reads anything. */
  const spawnUnread = (command: string, args: ReadonlyArray<string>): ChildProcess => {
    const child = spawn(command, args, { cwd: directory, env: environment, stdio: ["ignore", "pipe", "pipe"] })
    children.push(child)
    return child
  }

  /** Ids of the computes on disk. */
  const ids = (): ReadonlyArray<string> =>
    fs.existsSync(state) ? fs.readdirSync(state).filter((name) => name.startsWith("local-")) : []

  /** The process group of a compute. */
  const leader = (id: string): number => JSON.parse(fs.readFileSync(join(state, id, "state.json"), "utf8")).pid

  /** Ends whatever a failed test has left. */
  const close = async (): Promise<void> => {
    for (const child of children) child.kill("SIGKILL")
    if (ids().length > 0) await run(["down", "--all", "--yes"])
    fs.rmSync(directory, { recursive: true, force: true })
  }

  return { directory, state, start, spawnUnread, run, json, shell, ids, leader, close }
}

export type Home = ReturnType<typeof makeHome>

/** The status of a request, with a header of authorization or without. */
export const status = async (url: string, authorization?: string): Promise<number> => {
  const response = await fetch(url, authorization === undefined ? {} : { headers: { authorization } })
  await response.text()
  return response.status
}
