/**
 * Ending every process of a compute: TERM to all, after a grace KILL to those that are left, until none is.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { Uncertain } from "../../../domain/AtlasError.ts"
import { ComputeId } from "../../../domain/Ids.ts"
import * as ProcessTable from "./processTable.ts"

/** How long a process may take to end after TERM. */
const grace = Duration.seconds(5)
/** KILL cannot be refused, only delayed by a system call that hangs. */
const killLimit = Duration.seconds(10)
/** Longer than the writer of the log needs for what ended processes left in its pipe; it waits for ever where others hold that. */
const writerGrace = Duration.seconds(1)
const pause = Duration.millis(20)

export interface Leader {
  readonly pid: number
  readonly start: string
}

/**
 * Signals each living member once with TERM, then, after the grace, all that are left with KILL until none is.
 *
 * Members are looked up anew on every round, since a process may start others while it is asked to leave; a process that was seen
 * once is remembered, since nothing may tie it to the compute when its leader has left first. Each signal goes to a process that
 * was verified right before, never to a group by its number. A copy of the shell that is about to become the command is
 * signalled until it is the command. The writer of the log ends by itself once nothing can write to it, and is killed when it is
 * alone and does not.
 */
export const end = (known: ProcessTable.Known): Effect.Effect<void, Uncertain> =>
  Effect.gen(function*() {
    const { directory, id, leader } = known
    const started = yield* Clock.monotonicTimeNanos
    const seen = new Map<string, ProcessTable.Process>()
    const asked = new Set<string>()
    let emptyLooks = 0
    /** Since when nothing but the writer is left. */
    let writerAlone: bigint | null = null
    while (true) {
      const members = ProcessTable.membersOf(known, ProcessTable.look(), [...seen.values()])
      // one look can miss a process that is just becoming another program and has no environment for that moment
      emptyLooks = members.length === 0 ? emptyLooks + 1 : 0
      if (emptyLooks === 2) return
      const now = yield* Clock.monotonicTimeNanos
      const elapsed = Duration.nanos(now - started)
      const writers = new Set(members.filter((member) => ProcessTable.isWriter(member, directory)))
      writerAlone = writers.size === members.length ? writerAlone ?? now : null
      const isWriterDue = writerAlone !== null && Duration.isGreaterThan(Duration.nanos(now - writerAlone), writerGrace)
      const isPatient = Duration.isLessThan(elapsed, grace)
      if (!isPatient && Duration.isGreaterThan(elapsed, Duration.sum(grace, killLimit))) {
        return yield* new Uncertain({
          computeId: ComputeId.make(id),
          message: `process ${members.map(({ pid }) => pid).join(", ")} of ${id} does not end, not even by KILL`
        })
      }
      for (const member of members) {
        const key = `${member.pid}:${member.start}`
        seen.set(key, member)
        if (writers.has(member)) {
          if (isWriterDue) ProcessTable.signal(member, "SIGKILL")
        } else if (!isPatient) ProcessTable.signal(member, "SIGKILL")
        else if (!asked.has(key)) {
          if (leader === null || !ProcessTable.isCopyOf(leader.pid, member)) asked.add(key)
          ProcessTable.signal(member, "SIGTERM")
        }
      }
      yield* Effect.sleep(pause)
    }
  })
