/**
 * What a compute is doing, derived each time from its processes, its ports and its records.
 */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import type { StorageFault } from "../../../domain/AtlasError.ts"
import { Compute, type ComputeStatus, PortBinding } from "../../../domain/Compute.ts"
import type { ProviderId } from "../../../domain/Ids.ts"
import * as Ports from "./ports.ts"
import type { Leader } from "./processGroup.ts"
import * as ProcessTable from "./processTable.ts"
import type { Entry, State, StateDir } from "./stateDir.ts"

interface Findings {
  readonly status: ComputeStatus
  readonly exitCode: number | null
  readonly failure: string | null
}

const findings = (status: ComputeStatus, failure: string | null = null, exitCode: number | null = null): Findings => ({
  status,
  failure,
  exitCode
})

/** The leader on record; null while the shim has not recorded its pid. */
export const leaderOf = (state: State): Leader | null =>
  state.pid === null || state.pidStart === null ? null : { pid: state.pid, start: state.pidStart }

/** Whether nothing of this run is left that could write, listen or end: its processes are gone. */
export const isOver = (state: State): boolean => {
  const leader = leaderOf(state)
  return leader === null
    ? !ProcessTable.isAlive(state.starter.pid, state.starter.start)
    : !ProcessTable.isAlive(leader.pid, leader.start)
}

/** What a look at this machine shows. */
export interface MachineView {
  readonly processes: () => ProcessTable.Snapshot
  readonly sockets: ProcessTable.SocketTable
}

/** This machine as it is now. */
export const thisMachine: MachineView = { processes: ProcessTable.look, sockets: ProcessTable.socketTable }

const looking = (
  dir: StateDir,
  state: State,
  leader: Leader,
  { processes, sockets }: MachineView
): Effect.Effect<Findings> =>
  Effect.gen(function*() {
    if (state.ports.length === 0) return findings("running")
    const holders = (snapshot: ProcessTable.Snapshot) => {
      const members = ProcessTable.membersOf({ id: state.id, directory: dir.directoryOf(state.id), leader }, snapshot)
      return state.ports.map(({ external }) => ({
        external,
        holder: ProcessTable.holderOf(external, members, sockets)
      }))
    }
    let ports = holders(processes())
    // a member that was started after the look is not in it, so one look alone does not make a holder a foreign process
    if (ports.some(({ holder }) => holder === "other")) ports = holders(ProcessTable.look())
    const lost = ports.find(({ holder }) => holder === "other")
    if (lost !== undefined) return findings("failed", `port ${lost.external} is held by another process`)
    // a run that any atlas process has seen ready stays ready while its leader lives, whatever one look misses
    if (yield* dir.wasReady(state)) return findings("running")
    const open = yield* Effect.forEach(
      ports,
      // seen from the kernel's side where that can be: a connection could be the only one a program waits for
      ({ external, holder }) => holder === null ? Ports.accepts(external) : Effect.succeed(holder === "member"),
      { concurrency: "unbounded" }
    )
    if (!open.every(Boolean)) return findings("provisioning")
    yield* dir.markReady(state)
    return findings("running")
  })

const ended = (exitCode: number): Findings =>
  findings("failed", `the command ended by itself with exit code ${exitCode}`, exitCode)

const unexplained = (state: State, leader: Leader | null, isFull: boolean): Findings => {
  if (leader === null) {
    return ProcessTable.isAlive(state.starter.pid, state.starter.start)
      ? findings("provisioning")
      : findings("failed", "it was never started: the process that was starting it ended")
  }
  if (isFull) {
    return findings(
      "failed",
      "how it ended could not be recorded since the disk is full, or it was killed from outside"
    )
  }
  return ProcessTable.find(leader.pid) === null
    ? findings("failed", "its process was killed from outside")
    : findings("failed", `its process is gone, and pid ${leader.pid} now belongs to another process`)
}

const judge = (
  dir: StateDir,
  state: State,
  seen: MachineView
): Effect.Effect<Findings, StorageFault> =>
  Effect.gen(function*() {
    const leader = leaderOf(state)
    if (leader !== null && ProcessTable.isAlive(leader.pid, leader.start)) {
      return yield* looking(dir, state, leader, seen)
    }
    const lost = yield* dir.failure(state)
    if (lost !== null) return findings("failed", lost)
    const [{ code, unreadable }, isStopping] = yield* Effect.all([dir.exitCode(state), dir.isStopping(state)])
    if (isStopping) return findings("stopped", null, code)
    if (code !== null) return ended(code)
    return unreadable === null ? unexplained(state, leader, yield* dir.isFull) : findings("failed", unreadable)
  })

/** One compute as it is now; many of them share one look at the machine. */
export const toCompute = (
  dir: StateDir,
  provider: ProviderId,
  entry: Entry,
  seen: MachineView = thisMachine
): Effect.Effect<Compute, StorageFault> =>
  entry._tag === "Broken"
    ? Effect.succeed(
      new Compute({
        id: entry.id,
        provider,
        name: entry.name,
        status: "failed",
        failure: `${entry.why}; to be rid of it, ${entry.advice}`
      })
    )
    : Effect.map(judge(dir, entry.state, seen), (found) => described(dir, provider, entry.state, found))

/** A compute as its records describe it, with this status. */
export const described = (dir: StateDir, provider: ProviderId, state: State, found: Findings): Compute =>
  new Compute({
    id: state.id,
    provider,
    status: found.status,
    name: state.name,
    publicIp: Ports.host,
    ports: state.ports.map(({ external, internal, protocol }) =>
      new PortBinding({ internal, external, protocol, url: `${protocol}://${Ports.host}:${external}` })
    ),
    gpuType: state.gpuType,
    gpuCount: state.gpuCount,
    costPerHour: state.costPerHour,
    image: state.image,
    createdAt: DateTime.makeUnsafe(state.createdAt),
    exitCode: found.exitCode,
    failure: found.failure,
    raw: { pid: state.pid, directory: dir.directoryOf(state.id), cwd: state.cwd, run: state.run }
  })
