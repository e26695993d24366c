/**
 * Making, starting again and ending computes: the steps, in an order in which any process may die at any point.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as ChildProcessSpawner from "effect/process/ChildProcessSpawner"
import * as Result from "effect/Result"
import {
  type AtlasErrorReason,
  NoCapacity,
  NotFound,
  ProviderFault,
  StorageFault,
  Validation
} from "../../../domain/AtlasError.ts"
import { ComputeId } from "../../../domain/Ids.ts"
import type { Usd } from "../../../domain/Money.ts"
import type { PreparedSpawn } from "../../../provider/Adapter.ts"
import * as SystemReason from "../../../storage/SystemReason.ts"
import { isOver, leaderOf } from "./observe.ts"
import * as Plan from "./plan.ts"
import * as Ports from "./ports.ts"
import * as ProcessGroup from "./processGroup.ts"
import * as ProcessTable from "./processTable.ts"
import * as Shim from "./shim.ts"
import type { State, StateDir } from "./stateDir.ts"

/** How long a shim may take to record its pid. */
const startLimit = Duration.seconds(10)
const pause = Duration.millis(5)

const isRunning = ({ id }: State) => new ProviderFault({ message: `${id} is running already`, code: "running" })

const isStarted = (state: State, run: number) => state.run === run && state.pid !== null

export const make = ({ dir, own, spawner }: {
  readonly dir: StateDir
  readonly own: Plan.Inherited
  readonly spawner: ChildProcessSpawner.ChildProcessSpawner["Service"]
}) => {
  const known = (state: State): ProcessTable.Known => ({
    id: state.id,
    directory: dir.directoryOf(state.id),
    leader: leaderOf(state)
  })

  /** The state of a run once its shim, which has this pid, has recorded it. */
  const started = (id: ComputeId, run: number, shim: number): Effect.Effect<State, StorageFault> =>
    Effect.gen(function*() {
      const since = yield* Clock.monotonicTimeNanos
      while (true) {
        // looked for before its record is: one that has recorded its pid may have ended since
        const isGone = ProcessTable.find(shim) === null
        const entry = yield* dir.read(id)
        if (Option.isSome(entry) && entry.value._tag === "Readable" && isStarted(entry.value.state, run)) {
          return entry.value.state
        }
        const waited = Duration.nanos((yield* Clock.monotonicTimeNanos) - since)
        if (isGone || Option.isNone(entry) || Duration.isGreaterThan(waited, startLimit)) {
          const why = (yield* dir.isFull) ? "the disk is full" : "its shell could not write there, or make a named pipe"
          return yield* new StorageFault({ message: `${id} did not start in ${dir.root}: ${why}` })
        }
        yield* Effect.sleep(pause)
      }
    })

  const run = (state: State, env: PreparedSpawn["env"]): Effect.Effect<State, AtlasErrorReason> =>
    Shim.start({
      directory: dir.directoryOf(state.id),
      run: state.run,
      logLimit: state.logLimit ?? Plan.defaultLogLimit,
      command: state.command,
      cwd: state.cwd,
      env: Plan.environment(own, state, env)
    }).pipe(
      Effect.provideService(ChildProcessSpawner.ChildProcessSpawner, spawner),
      Effect.mapError((error) =>
        new StorageFault({ message: `${state.id} could not be started: ${SystemReason.describe(error)}` })
      ),
      Effect.flatMap((shim) => started(state.id, state.run, shim))
    )

  const reserve = (
    wanted: PreparedSpawn["request"]["ports"][number],
    id: ComputeId
  ): Effect.Effect<number, AtlasErrorReason> =>
    Effect.gen(function*() {
      if (wanted.symmetric) {
        const isFree = (yield* Ports.probe(wanted.port)) !== null && (yield* dir.reservePort(wanted.port, id))
        return isFree ? wanted.port : yield* new NoCapacity({
          candidate: `port ${wanted.port}`,
          message: `port ${wanted.port} of this machine is taken or not ours to open`
        })
      }
      const tried = new Set<number>()
      while (true) {
        const port = yield* Ports.findFree(tried)
        if (port === null) return yield* new NoCapacity({ message: "this machine has no free port" })
        if (yield* dir.reservePort(port, id)) return port
        tried.add(port)
      }
    })

  const terminate = (state: State): Effect.Effect<void, AtlasErrorReason> =>
    Effect.gen(function*() {
      yield* ProcessGroup.end(known(state))
      yield* dir.remove(state.id, state.ports.map(({ external }) => external))
      // a run that was just being started by another process finds no directory, but may have got this far
      yield* ProcessGroup.end(known(state))
    })

  const create = (spawn: PreparedSpawn<Plan.Plan>, price: Usd): Effect.Effect<State, AtlasErrorReason> =>
    Effect.gen(function*() {
      const { prepared: plan } = spawn
      yield* dir.ensure
      const id = ComputeId.make(`local-${spawn.stamp.attempt}`)
      if (yield* dir.exists(dir.directoryOf(id))) {
        return yield* new Validation({
          issues: [{ path: "stamp", message: "belongs to a compute that was rented before: make a new stamp" }]
        })
      }
      const reserved: Array<number> = []
      const made = Effect.gen(function*() {
        for (const port of spawn.request.ports) reserved.push(yield* reserve(port, id))
        const state: State = {
          version: 1,
          id,
          name: spawn.name,
          run: 1,
          command: plan.command,
          image: spawn.request.image,
          cwd: plan.cwd ?? dir.fileOf(id, "work"),
          ports: spawn.request.ports.map(({ port, protocol }, index) => ({
            internal: port,
            external: reserved[index] ?? 0,
            protocol
          })),
          gpuType: plan.gpuType,
          logLimit: plan.logLimit,
          gpuCount: spawn.request.gpuCount,
          costPerHour: price,
          createdAt: yield* Clock.currentTimeMillis,
          starter: ProcessTable.self(),
          pid: null,
          pidStart: null
        }
        yield* dir.create(state, spawn.env)
        return state
      }).pipe(Effect.onError(() => dir.releasePorts(reserved)))
      const state = yield* made
      return yield* run(state, spawn.env).pipe(Effect.onError(() => Effect.ignore(terminate(state))))
    }).pipe(Effect.uninterruptible)

  const lostPort = (state: State) =>
    Effect.gen(function*() {
      for (const { external } of state.ports) {
        if ((yield* Ports.probe(external)) === null) return external
      }
      return null
    })

  const restartAs = (state: State, next: number): Effect.Effect<void, AtlasErrorReason> =>
    Effect.gen(function*() {
      // another process may have started or ended it between our look and our claim
      const now = yield* dir.read(state.id)
      if (Option.isNone(now)) return yield* new NotFound({ message: `${state.id} has been ended meanwhile` })
      if (now.value._tag === "Broken" || now.value.state.run !== state.run) return yield* isRunning(state)
      const env = yield* dir.readEnv(state.id)
      // what a run that is over left behind would hold its ports
      yield* ProcessGroup.end(known(state))
      const claimed: State = { ...state, run: next, starter: ProcessTable.self(), pid: null, pidStart: null }
      // a run that failed to start keeps the leader of the run before, which is known to be gone
      const giveUp = (why: string) =>
        Effect.andThen(dir.noteFailure(claimed, why), dir.writeRun({ ...state, run: next, starter: claimed.starter }))
      const lost = yield* lostPort(state)
      if (lost !== null) {
        const why = `port ${lost} is held by another process`
        yield* giveUp(why)
        return yield* new ProviderFault({ message: `${state.id} cannot be started: ${why}`, code: "port_taken" })
      }
      yield* dir.writeRun(claimed)
      yield* Effect.tapError(run(claimed, env), () =>
        Effect.ignore(
          Effect.andThen(ProcessGroup.end({ ...known(state), leader: null }), giveUp("it could not be started"))
        ))
    })

  const restart = (state: State): Effect.Effect<void, AtlasErrorReason> =>
    Effect.gen(function*() {
      if (!isOver(state)) return yield* isRunning(state)
      const next = yield* dir.claimRun(state)
      if (next === null) {
        return yield* new ProviderFault({
          message: `${state.id} is being started by another process`,
          code: "starting"
        })
      }
      yield* Effect.ensuring(restartAs(state, next), dir.releaseRun(state.id, next))
    }).pipe(Effect.uninterruptible)

  const stop = (state: State): Effect.Effect<void, AtlasErrorReason> =>
    Effect.gen(function*() {
      let marked: Result.Result<void, StorageFault> = Result.void
      // ended all the same where it cannot be noted: a disk that is full must keep nothing running
      if (!isOver(state)) marked = yield* Effect.result(dir.markStopping(state))
      else if (ProcessTable.membersOf(known(state)).length === 0 && !(yield* dir.isStopping(state))) {
        return yield* new ProviderFault({ message: `${state.id} has ended already`, code: "ended" })
      }
      yield* ProcessGroup.end(known(state))
      if (Result.isFailure(marked)) {
        const { message } = marked.failure
        return yield* new StorageFault({ message: `${state.id} was stopped, but that is not on record: ${message}` })
      }
    })

  return { create, restart, stop, terminate }
}
