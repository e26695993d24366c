/**
 * What a request means on this machine, checked before anything is made: the program, its directory, its environment.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import * as Redacted from "effect/Redacted"
import { type AtlasErrorReason, type Issue, Unsupported, Validation } from "../../../domain/AtlasError.ts"
import type { ComputeRequest } from "../../../domain/ComputeRequest.ts"
import type { Offer } from "./gpus.ts"
import { host } from "./ports.ts"
import { cannotPass } from "./shim.ts"
import type { State } from "./stateDir.ts"

const builtin = "builtin:inference-server"

/** The variables of this process that a compute gets; no others, so none of its keys. */
const inherited = ["PATH", "HOME", "LANG", "TMPDIR"] as const

/** What a compute gets of this process's environment. */
export type Inherited = Readonly<Partial<Record<typeof inherited[number], string>>>

export interface Plan {
  readonly command: readonly [string, ...ReadonlyArray<string>]
  /** Null for the compute's own directory. */
  readonly cwd: string | null
  readonly gpuType: string
  readonly logLimit: number
}

/** Enough for any log that is read, and little enough for any disk. */
export const defaultLogLimit = 1024 ** 3
/** Less would be rotated with every few lines. */
export const leastLogLimit = 64 * 1024

const refuse = (...issues: ReadonlyArray<Issue>) => Effect.fail(new Validation({ issues }))

/** The environment a command is looked up in and run with. */
export const environment = (
  own: Inherited,
  state: Pick<State, "id" | "ports">,
  env: Readonly<Record<string, Redacted.Redacted>>
): Readonly<Record<string, string | Redacted.Redacted>> => ({
  ...own,
  HOST: host,
  ATLAS_COMPUTE_ID: state.id,
  ...Object.fromEntries(state.ports.map(({ external, internal }) => [`ATLAS_PORT_${internal}`, String(external)])),
  ...env
})

/** `defaults.cwd` is the working directory of requests that name none; null for each compute's own. */
export const make = Effect.fnUntraced(function*(
  own: Inherited,
  { cwd: defaultCwd, logLimit: defaultLimit }: { readonly cwd: string | null; readonly logLimit: number }
) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path

  const isProgram = (file: string) =>
    fs.stat(file).pipe(
      Effect.map((info) => info.type === "File" && (info.mode & 0o111) !== 0),
      Effect.orElseSucceed(() => false)
    )

  const isDirectory = (file: string) =>
    fs.stat(file).pipe(
      Effect.map((info) => info.type === "Directory"),
      Effect.orElseSucceed(() => false)
    )

  /** The program as the command's own PATH finds it, so that the shim never meets a name that means something to a shell. */
  const resolve = (name: string, cwd: string, search: string) =>
    Effect.gen(function*() {
      const candidates = name.includes("/")
        ? [path.resolve(cwd, name)]
        : search.split(":").map((directory) => path.resolve(cwd, directory || ".", name))
      for (const candidate of candidates) {
        if (yield* isProgram(candidate)) return candidate
      }
      return null
    })

  const commandOf = (request: ComputeRequest, cwd: string) =>
    Effect.gen(function*() {
      const { command, env, image, ports } = request
      if (image !== null && image !== builtin) {
        return yield* refuse({
          path: "image",
          message: `this machine runs commands, not images; give a command, or the image "${builtin}"`
        })
      }
      if (image === builtin && command === null) {
        if (ports.length === 0) {
          return yield* refuse({ path: "ports", message: `${builtin} needs a port to listen on, such as "8000/http"` })
        }
        // a checkout runs the source, the published package what was built from it
        const server = import.meta.url.endsWith(".ts")
          ? new URL("./inferenceServer.ts", import.meta.url)
          : new URL("./inferenceServer.js", import.meta.url)
        // some versions of Node say in the log that running the source is an experiment
        const quiet = "--disable-warning=ExperimentalWarning"
        return [process.execPath, quiet, yield* Effect.orDie(path.fromFileUrl(server))] as const
      }
      if (command === null) {
        return yield* refuse({ path: "command", message: `give a command to run, or the image "${builtin}"` })
      }
      const search = env["PATH"] === undefined ? own.PATH ?? "" : Redacted.value(env["PATH"])
      const [name, ...args] = command
      const program = yield* resolve(name, cwd, search)
      if (program === null) {
        return yield* refuse({
          path: "command[0]",
          message: "is not a program that can be run: not found, or not executable"
        })
      }
      return [program, ...args] as const
    })

  const unsupported = (request: ComputeRequest): Unsupported | null => {
    if (request.spot) return new Unsupported({ capability: "spot", message: "this machine has no spot price" })
    if (request.networkVolumeId !== null) {
      return new Unsupported({
        capability: "network_volumes",
        message: "this machine has no network volumes: leave `networkVolumeId` out"
      })
    }
    if (request.templateId !== null) {
      return new Unsupported({
        capability: "manage_templates",
        message: "this machine has no templates: leave `templateId` out"
      })
    }
    if (request.cloudType !== "any") {
      return new Unsupported({ capability: "cloud", message: "this machine is no cloud's: leave `cloudType` out" })
    }
    if (request.volumeGb !== null || request.containerDiskGb !== null) {
      const field = request.volumeGb === null ? "containerDiskGb" : "volumeGb"
      return new Unsupported({
        capability: "disk_size",
        message: `this machine gives no disk of its own to a command: leave \`${field}\` out`
      })
    }
    return null
  }

  const envIssues = (request: ComputeRequest): ReadonlyArray<Issue> =>
    Object.keys(request.env).flatMap((name) => {
      const path = /^\w+$/.test(name) ? `env.${name}` : `env[${JSON.stringify(name)}]`
      if (/^ATLAS_(PORT_.*|COMPUTE_ID)$/.test(name)) {
        return [{ path, message: "is reserved: the local provider sets it" }]
      }
      return cannotPass(name) ? [{ path, message: "is a name that this machine's shell does not pass on" }] : []
    })

  const optIssues = ({ providerOpts }: ComputeRequest): ReadonlyArray<Issue> =>
    Object.keys(providerOpts).filter((name) => name !== "cwd" && name !== "logLimit").map((name) => ({
      path: `providerOpts.${name}`,
      message: "is no option of this machine; it has: cwd, logLimit"
    }))

  return (
    request: ComputeRequest,
    offers: Effect.Effect<ReadonlyArray<Offer>>
  ): Effect.Effect<Plan, AtlasErrorReason> =>
    Effect.gen(function*() {
      const missing = unsupported(request)
      if (missing !== null) return yield* missing
      const issues = [...envIssues(request), ...optIssues(request)]
      if (issues.length > 0) return yield* refuse(...issues)
      const given = request.providerOpts["cwd"]
      if (
        given !== undefined && (typeof given !== "string" || !path.isAbsolute(given) || !(yield* isDirectory(given)))
      ) {
        return yield* refuse({ path: "providerOpts.cwd", message: "Expected the absolute path of a directory" })
      }
      const cwd = typeof given === "string" ? given : defaultCwd
      if (cwd === defaultCwd && cwd !== null && !(yield* isDirectory(cwd))) {
        return yield* refuse({ path: "cwd", message: "the local provider's working directory does not exist" })
      }
      const logLimit = request.providerOpts["logLimit"] ?? defaultLimit
      if (typeof logLimit !== "number" || !Number.isSafeInteger(logLimit) || logLimit < leastLogLimit) {
        return yield* refuse({
          path: "providerOpts.logLimit",
          message: `Expected a number of bytes from ${leastLogLimit}`
        })
      }
      const command = yield* commandOf(request, cwd ?? "/")
      if (request.gpu === null || request.gpu === "cpu") return { command, cwd, gpuType: "cpu", logLimit }
      const offered = yield* offers
      const found = offered.find(({ type }) => type.canonical === request.gpu || type.id === request.gpu)
      if (found === undefined) {
        const names = [...new Set([...offered.map(({ type }) => type.canonical ?? type.id), "cpu"])].join(", ")
        return yield* refuse({ path: "gpu", message: `this machine has no such GPU; it has: ${names}` })
      }
      if (request.gpuCount > found.count) {
        return yield* refuse({ path: "gpuCount", message: `this machine has ${found.count} of them` })
      }
      return { command, cwd, gpuType: found.type.id, logLimit }
    })
})

/** What of our own environment a compute gets, with the Node we run on first where `node` would be another one. */
export const inherit = Effect.fnUntraced(function*<E>(read: (name: string) => Effect.Effect<string | null, E>) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const own: Partial<Record<typeof inherited[number], string>> = {}
  for (const name of inherited) {
    const value = yield* read(name)
    if (value !== null) own[name] = value
  }
  const search = own.PATH ?? "/usr/local/bin:/usr/bin:/bin"
  const real = (file: string) => Effect.orElseSucceed(fs.realPath(file), () => null)
  const running = yield* real(process.execPath)
  for (const directory of search.split(":")) {
    const found = yield* real(path.join(directory || ".", "node"))
    if (found !== null) {
      return { ...own, PATH: found === running ? search : `${path.dirname(process.execPath)}:${search}` }
    }
  }
  return { ...own, PATH: `${path.dirname(process.execPath)}:${search}` }
})
