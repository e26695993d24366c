/**
 * Checks that no create is sent for a session that does not want a machine any more.
 *
 * @since 0.1.0
 */
import type { SessionState } from "../../orchestrator/Session.ts"
import * as NameStamp from "../../provider/NameStamp.ts"
import type { Database } from "./Database.ts"
import type { Fleet, Member } from "./Fleet.ts"
import type { Process } from "./Process.ts"
import type { World } from "./World.ts"

/**
 * Checks of creates.
 *
 * @category models
 * @since 0.1.0
 */
export interface CreateWatch {
  /** The caller of this number, the only one of its session, has left, and its process knows. */
  readonly left: (member: Member, number: number) => void
  /** A process is about to send a create for this row. */
  readonly creating: (process: Process, name: string, row: SessionState) => void
}

/** What was decided just before may cross with a create, in milliseconds. */
const crossing = 1_000

/**
 * Checks of creates.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (world: World, database: () => Database, fleet: () => Fleet): CreateWatch => {
  const { timeline } = world
  const leavers = new Map<string, number>()
  const sent = new Set<string>()

  return {
    left: ({ process }, number) => void leavers.set(`${process.name} job-${number}`, timeline.now()),
    creating: (process, name, { spec: { id } }) => {
      const stamp = NameStamp.parse(name)
      // an adapter may repeat a create that was refused before anything was made
      if (stamp === null || sent.has(stamp.attempt)) return
      sent.add(stamp.attempt)
      const known = database().heardBy(process, id)
      if (known?._tag === "Ending" || known?._tag === "Ended") {
        world.broken("unwanted", `${process.name} asks for ${name}, and ${id} is committed as ${known._tag}`)
      }
      const left = leavers.get(`${process.name} ${stamp.slug}`)
      if (left !== undefined && timeline.now() - left > crossing) {
        world.broken("unwanted", `${process.name} asks for ${name}, whose caller left ${timeline.now() - left} ms ago`)
      }
      const closing = fleet().memberOf(process)?.closingSince ?? null
      if (closing !== null && timeline.now() - closing > crossing) {
        world.broken("unwanted", `${process.name} asks for ${name}, and closes since ${timeline.now() - closing} ms`)
      }
    }
  }
}
