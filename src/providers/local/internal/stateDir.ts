/**
 * The directory that holds one private directory per compute, and the few files in each.
 *
 * Every file appears by rename or by exclusive creation, so any process may die at any point and another can still judge
 * what is there. Names with a leading dot are work in progress and never a compute.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import type * as PlatformError from "effect/PlatformError"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { statfs } from "node:fs/promises"
import { StorageFault } from "../../../domain/AtlasError.ts"
import { PortProtocol } from "../../../domain/Compute.ts"
import * as Entropy from "../../../domain/Entropy.ts"
import { ComputeId } from "../../../domain/Ids.ts"
import { Usd } from "../../../domain/Money.ts"
import * as PrivateDirectory from "../../../storage/PrivateDirectory.ts"
import * as PrivateFile from "../../../storage/PrivateFile.ts"
import * as SystemReason from "../../../storage/SystemReason.ts"
import * as ProcessTable from "./processTable.ts"

/** A port reservation or an unfinished directory this old, of a compute that never came to be, was left by a crash. */
const abandonedMillis = 60_000

/** What was asked for, and which process runs it; `pid` is null until the shim of this run has recorded it. */
export const State = Schema.Struct({
  version: Schema.Literal(1),
  id: ComputeId,
  name: Schema.String,
  run: Schema.Int,
  command: Schema.NonEmptyArray(Schema.String),
  image: Schema.NullOr(Schema.String),
  cwd: Schema.String,
  ports: Schema.Array(Schema.Struct({ internal: Schema.Int, external: Schema.Int, protocol: PortProtocol })),
  gpuType: Schema.String,
  gpuCount: Schema.Int,
  costPerHour: Schema.NullOr(Usd),
  createdAt: Schema.Int,
  /** Not there in records of an atlas that gave the log no limit. */
  logLimit: Schema.optionalKey(Schema.Int),
  starter: Schema.Struct({ pid: Schema.Int, start: Schema.String }),
  pid: Schema.NullOr(Schema.Int),
  pidStart: Schema.NullOr(Schema.String)
})
export type State = typeof State.Type

/** The record of an end that has not come: it has its room on the disk before the command may fill that. */
const noExit = "--------\n"

const decodeState = Schema.decodeUnknownEffect(Schema.fromJsonString(State))
const decodeEnv = Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Record(Schema.String, Schema.String)))

/** An entry that cannot be read, so that a person has to look at it. */
export interface Broken {
  readonly _tag: "Broken"
  readonly id: ComputeId
  readonly name: string | null
  /** What is wrong, with the path. */
  readonly why: string
  /** What a person can do to be rid of it. */
  readonly advice: string
}

/** A directory's state: readable, or broken. */
export type Entry = { readonly _tag: "Readable"; readonly state: State } | Broken

/** A record holds a command and its arguments, which the system bounds too; a longer file is none. */
const longestRecord = 16 * 1024 * 1024

/** Every version of the record has these. */
const decodeAnyVersion = Schema.decodeUnknownOption(
  Schema.fromJsonString(Schema.Struct({ version: Schema.Int, id: ComputeId, name: Schema.NullOr(Schema.String) }))
)

/** A path in sentences for people, never the content of a file. */
const storage = (what: string) => (error: PlatformError.PlatformError) =>
  new StorageFault({ message: `${what}: ${SystemReason.describe(error)}` })

const isId = Schema.is(ComputeId)

export type StateDir = Effect.Success<ReturnType<typeof make>>

export const make = Effect.fnUntraced(function*(root: string) {
  const context = yield* Effect.context<FileSystem.FileSystem | Path.Path>()
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path

  const directoryOf = (id: string) => path.join(root, id)
  const fileOf = (id: string, name: string) => path.join(root, id, name)
  const portFile = (port: number) => path.join(root, ".ports", String(port))
  const exists = (file: string) => Effect.orElseSucceed(fs.exists(file), () => false)
  const readOrNone = (file: string) =>
    PrivateFile.read(file, longestRecord).pipe(
      Effect.provideContext(context),
      Effect.asSome,
      Effect.catchReason("PlatformError", "NotFound", () => Effect.succeedNone),
      Effect.mapError(storage(`${file} cannot be read`))
    )
  /** A note of a run; what is wrong with it alone is told of its compute, and fails no listing. */
  const readNote = (file: string) =>
    PrivateFile.read(file, longestRecord).pipe(
      Effect.provideContext(context),
      Effect.map((text) => ({ text, unreadable: null })),
      Effect.catchReason("PlatformError", "NotFound", () => Effect.succeed({ text: null, unreadable: null })),
      Effect.catch((error) => {
        const unreadable = `${file} cannot be read: ${SystemReason.describe(error, file)}`
        return SystemReason.isShortage(error)
          ? Effect.fail(new StorageFault({ message: unreadable }))
          : Effect.succeed({ text: null, unreadable })
      })
    )
  const writePrivate = (file: string, text: string) =>
    PrivateFile.write(file, text).pipe(
      Effect.provideContext(context),
      Effect.mapError(storage(`${file} cannot be written`))
    )
  const createNew = (file: string, text: string) => fs.writeFileString(file, text, { flag: "wx", mode: 0o600 })

  /** The directory itself, private, and proved to be writable before anything is put there. */
  const ensure = PrivateDirectory.make(path.join(root, ".ports")).pipe(
    Effect.provideContext(context),
    Effect.andThen(fs.access(root, { readable: true, writable: true })),
    Effect.mapError(storage(`the state directory ${root} cannot be used`))
  )

  const byHand = (id: ComputeId) =>
    `end the processes that have ATLAS_COMPUTE_ID=${id} in their environment, and remove ${directoryOf(id)} by hand`

  const broken = (id: ComputeId, why: string, advice = byHand(id), name: string | null = null): Broken => ({
    _tag: "Broken",
    id,
    name,
    why,
    advice
  })

  const parse = (id: ComputeId, text: string): Effect.Effect<Entry> =>
    decodeState(text).pipe(
      Effect.filterOrFail((state) => state.id === id, () => "another compute's"),
      Effect.match({
        onSuccess: (state): Entry => ({ _tag: "Readable", state }),
        onFailure: (): Entry => {
          const file = fileOf(id, "state.json")
          const known = Option.getOrNull(decodeAnyVersion(text))
          if (known === null) return broken(id, `${file} is half written, or no record of a compute`)
          if (known.id !== id) return broken(id, `${file} is the record of another compute, ${known.id}`)
          return known.version > 1
            ? broken(
              id,
              `${file} was made by a newer atlas (version ${known.version} of the record; this one knows version 1)`,
              "end it with that atlas",
              known.name
            )
            : broken(id, `${file} is damaged`, byHand(id), known.name)
        }
      })
    )

  /** What is wrong with an entry that no record can be read from; null where it is a directory with a file of records. */
  const misshapen = (id: ComputeId): Effect.Effect<Broken | null, PlatformError.PlatformError> =>
    Effect.gen(function*() {
      const directory = directoryOf(id)
      // a link is never followed: what it points to may be another program's
      const isLink = yield* Effect.isSuccess(fs.readLink(directory))
      if (isLink) {
        return broken(id, `${directory} is a symbolic link, not a directory`, `remove it by hand: rm ${directory}`)
      }
      const { type } = yield* fs.stat(directory)
      if (type !== "Directory") {
        return broken(id, `${directory} is a ${type}, not a directory`, `remove it by hand: rm ${directory}`)
      }
      return null
    })

  /** One entry, whatever it is: what is wrong with it harms no other. */
  const read = (id: ComputeId): Effect.Effect<Option.Option<Entry>, StorageFault> =>
    Effect.gen(function*() {
      const file = fileOf(id, "state.json")
      const found = yield* misshapen(id)
      if (found !== null) return Option.some<Entry>(found)
      const text = yield* PrivateFile.read(file, longestRecord).pipe(
        Effect.provideContext(context),
        Effect.catchReason("PlatformError", "NotFound", () => Effect.succeed(null))
      )
      if (text !== null) return Option.some(yield* parse(id, text))
      // removed between the two looks
      return (yield* exists(directoryOf(id))) ? Option.some<Entry>(broken(id, `${file} is missing`)) : Option.none()
    }).pipe(
      Effect.catchReason("PlatformError", "NotFound", () => Effect.succeedNone),
      Effect.catch((error) => {
        const why = `${fileOf(id, "state.json")} cannot be read: ${
          SystemReason.describe(error, fileOf(id, "state.json"))
        }`
        if (SystemReason.isShortage(error)) return Effect.fail(new StorageFault({ message: why }))
        const advice = SystemReason.isDenied(error) ? "end it as the user it belongs to, or as root" : byHand(id)
        return Effect.succeedSome<Entry>(broken(id, why, advice))
      })
    )

  const removeGroup = (id: string) =>
    Effect.map(
      readNote(path.join(directoryOf(`.gone-${id}`), "cgroup")),
      ({ text }) => ProcessTable.removeGroup(id, (text ?? "").trim())
    ).pipe(Effect.ignore)

  /** Removes what a crash left: unfinished and half-removed directories that are too old to be in use. */
  const sweep = (names: ReadonlyArray<string>) =>
    Effect.forEach(
      names.filter((name) => name.startsWith(".new-") || name.startsWith(".gone-")),
      (name) =>
        Effect.gen(function*() {
          const info = yield* fs.stat(path.join(root, name))
          const now = yield* Clock.currentTimeMillis
          const age = now - Option.match(info.mtime, { onNone: () => now, onSome: (mtime) => mtime.getTime() })
          if (age <= abandonedMillis) return
          yield* removeGroup(name.replace(/^\.gone-/, ""))
          yield* fs.remove(path.join(root, name), { recursive: true, force: true })
        }).pipe(Effect.ignore),
      { discard: true }
    )

  /** Each entry that may be a compute; names that no id can have are another program's. */
  const list: Effect.Effect<ReadonlyArray<Entry>, StorageFault> = Effect.gen(function*() {
    const names = yield* fs.readDirectory(root).pipe(
      Effect.catchReason("PlatformError", "NotFound", () => Effect.succeed<Array<string>>([])),
      Effect.mapError(storage(`the state directory ${root} cannot be read`))
    )
    yield* sweep(names)
    const ids = names.filter((name): name is ComputeId => isId(name) && name.startsWith("local-")).toSorted()
    return (yield* Effect.forEach(ids, read)).filter(Option.isSome).map((entry) => entry.value)
  })

  /** Takes a port for this compute across all processes; false when another compute has it. */
  const reservePort = (port: number, id: ComputeId): Effect.Effect<boolean, StorageFault> =>
    createNew(portFile(port), id).pipe(
      Effect.as(true),
      Effect.catchReason("PlatformError", "AlreadyExists", () => Effect.as(dropAbandonedPort(port), false)),
      Effect.mapError(storage(`${portFile(port)} cannot be written`))
    )

  const dropAbandonedPort = (port: number) =>
    Effect.gen(function*() {
      const owner = yield* Effect.provideContext(PrivateFile.read(portFile(port), longestRecord), context)
      const info = yield* fs.stat(portFile(port))
      const now = yield* Clock.currentTimeMillis
      const age = now - Option.match(info.mtime, { onNone: () => now, onSome: (mtime) => mtime.getTime() })
      const isUsed = isId(owner) &&
        ((yield* exists(directoryOf(owner))) || (yield* exists(directoryOf(`.new-${owner}`))))
      if (!isUsed && age > abandonedMillis) yield* fs.remove(portFile(port))
    }).pipe(Effect.ignore)

  const releasePorts = (ports: ReadonlyArray<number>) =>
    Effect.forEach(ports, (port) => Effect.ignore(fs.remove(portFile(port), { force: true })), { discard: true })

  const headOf = ({ pid: _, pidStart: __, ...spec }: State) => `${JSON.stringify(spec).slice(0, -1)},`

  /** Makes the whole directory under a dotted name, then gives it its own: it is complete or it is not there. */
  const create = (
    state: State,
    env: Readonly<Record<string, Redacted.Redacted>>
  ): Effect.Effect<void, StorageFault> => {
    const unfinished = directoryOf(`.new-${state.id}`)
    const plain = Object.fromEntries(Object.entries(env).map(([name, value]) => [name, Redacted.value(value)]))
    const fill = Effect.gen(function*() {
      yield* fs.makeDirectory(path.join(unfinished, "work"), { mode: 0o700 })
      yield* createNew(path.join(unfinished, "env.json"), JSON.stringify(plain))
      yield* createNew(path.join(unfinished, "state.json"), JSON.stringify(state))
      yield* createNew(path.join(unfinished, `.head.${state.run}`), headOf(state))
      yield* createNew(path.join(unfinished, "log"), "")
      yield* createNew(path.join(unfinished, "whole"), "")
      yield* createNew(path.join(unfinished, `exit.${state.run}`), noExit)
      yield* fs.rename(unfinished, directoryOf(state.id))
    }).pipe(Effect.onError(() => Effect.ignore(fs.remove(unfinished, { recursive: true, force: true }))))
    // where it exists already it is another process's, and so is not removed
    return fs.makeDirectory(unfinished, { mode: 0o700 }).pipe(
      Effect.andThen(fill),
      Effect.mapError(storage(`${directoryOf(state.id)} cannot be made`))
    )
  }

  /**
   * Claims the next run of a compute, for this process alone; null while another living process is starting it.
   *
   * A claim that a crash left is passed over for the next number, never taken away from a process that may hold it, so nothing
   * has to be unlocked. The caller must look again at the run on record, and release the claim when done.
   */
  const claimRun = ({ id, run }: State): Effect.Effect<number | null, StorageFault> =>
    Effect.gen(function*() {
      const { pid, start } = ProcessTable.self()
      const suffix = yield* Entropy.hex(6)
      const content = fileOf(id, `.claim-${suffix}`)
      const fault = Effect.mapError(storage(`${directoryOf(id)} cannot be written`))
      yield* fault(createNew(content, `${pid} ${start}`))
      const claim = Effect.gen(function*() {
        for (let next = run + 1;; next++) {
          const file = fileOf(id, `.claim.${next}`)
          // a link appears with its content or not at all
          const isOurs = yield* fs.link(content, file).pipe(
            Effect.as(true),
            Effect.catchReason("PlatformError", "AlreadyExists", () => Effect.succeed(false)),
            fault
          )
          if (isOurs) return next
          const [, holder, since = ""] = /^(\d+) (.+)$/.exec(Option.getOrElse(yield* readOrNone(file), () => "")) ?? []
          if (holder !== undefined && ProcessTable.isAlive(Number(holder), since)) return null
        }
      })
      return yield* Effect.ensuring(claim, Effect.ignore(fs.remove(content)))
    })

  const releaseRun = (id: ComputeId, run: number) => Effect.ignore(fs.remove(fileOf(id, `.claim.${run}`)))

  /** Why a run could not be started, kept where every process sees it. */
  const noteFailure = ({ id, run }: State, why: string) => writePrivate(fileOf(id, `failure.${run}`), why)
  const failure = ({ id, run }: State): Effect.Effect<string | null, StorageFault> =>
    Effect.map(readNote(fileOf(id, `failure.${run}`)), ({ text, unreadable }) => unreadable ?? text)

  const writeRun = (state: State) =>
    writePrivate(fileOf(state.id, "state.json"), JSON.stringify(state)).pipe(
      Effect.andThen(writePrivate(fileOf(state.id, `exit.${state.run}`), noExit)),
      Effect.andThen(writePrivate(fileOf(state.id, `.head.${state.run}`), headOf(state)))
    )

  const readEnv = (id: ComputeId): Effect.Effect<Readonly<Record<string, Redacted.Redacted>>, StorageFault> => {
    const file = fileOf(id, "env.json")
    return Effect.flatMap(readOrNone(file), (text) =>
      decodeEnv(Option.getOrElse(text, () => "")).pipe(
        Effect.map((env) =>
          Object.fromEntries(Object.entries(env).map(([name, value]) => [name, Redacted.make(value)]))
        ),
        Effect.mapError(() =>
          new StorageFault({ message: `${file} cannot be read; end the compute and rent a new one` })
        )
      ))
  }

  /** How the command of this run ended: null while that is not recorded, and why where the record cannot be read. */
  const exitCode = (
    { id, run }: State
  ): Effect.Effect<{ readonly code: number | null; readonly unreadable: string | null }, StorageFault> =>
    Effect.map(readNote(fileOf(id, `exit.${run}`)), ({ text, unreadable }) => {
      // written over what was there before, so that it needs no room on a disk that is full
      const match = /^(\d{1,3})\n/.exec(text ?? "")
      return { code: match === null ? null : Number(match[1]), unreadable }
    })

  /** Whether the disk has no room, so that something may have gone unrecorded. */
  const isFull: Effect.Effect<boolean> = Effect.promise(() =>
    statfs(root).then(({ bavail }) => bavail === 0, () => false)
  )

  /** Whether this run was asked to stop. */
  const isStopping = ({ id, run }: State) => exists(fileOf(id, `stop.${run}`))
  const markStopping = ({ id, run }: State) => writePrivate(fileOf(id, `stop.${run}`), "")

  /** Whether all ports of this run have been seen to listen once; a note that cannot be written is made at the next look. */
  const wasReady = ({ id, run }: State) => exists(fileOf(id, `ready.${run}`))
  const markReady = ({ id, run }: State) => Effect.ignore(writePrivate(fileOf(id, `ready.${run}`), ""))

  /** Removes a compute from the list first, then from the disk: a half-removed directory is no compute any more. */
  const remove = (id: ComputeId, ports: ReadonlyArray<number>): Effect.Effect<void, StorageFault> =>
    fs.rename(directoryOf(id), directoryOf(`.gone-${id}`)).pipe(
      Effect.catchReason("PlatformError", "NotFound", () => Effect.void),
      Effect.andThen(removeGroup(id)),
      Effect.andThen(fs.remove(directoryOf(`.gone-${id}`), { recursive: true, force: true })),
      Effect.andThen(releasePorts(ports)),
      Effect.mapError(storage(`the processes of ${id} have ended, but ${directoryOf(id)} cannot be removed`))
    )

  return {
    root,
    ensure,
    read,
    list,
    create,
    claimRun,
    releaseRun,
    noteFailure,
    failure,
    writeRun,
    readEnv,
    exitCode,
    isFull,
    isStopping,
    markStopping,
    wasReady,
    markReady,
    reservePort,
    releasePorts,
    remove,
    directoryOf,
    fileOf,
    exists
  }
})
