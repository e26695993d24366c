/**
 * What really runs on this machine: is this process still the one we started, and which processes belong to a compute?
 *
 * The one place that reads `/proc` (or asks `ps`) and sends signals. Reads are synchronous: a snapshot is only as good as
 * the time it takes. A pid alone proves nothing, since pids are used again; a start time goes with it everywhere.
 */
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"

/** A process as the system shows it; `start` tells it from a later one with the same pid. */
export interface Process {
  readonly pid: number
  readonly group: number
  readonly start: string
  readonly isZombie: boolean
}

const onLinux = process.platform === "linux"

const readOrNull = (file: string): string | null => {
  try {
    return fs.readFileSync(file, "latin1")
  } catch {
    // gone, or somebody else's
    return null
  }
}

let bootId: string | undefined
const boot = (): string => bootId ??= readOrNull("/proc/sys/kernel/random/boot_id")?.trim() ?? ""

const fromProc = (pid: number): Process | null => {
  const stat = readOrNull(`/proc/${pid}/stat`)
  if (stat === null) return null
  // the name stands in parentheses and may hold anything, so fields are counted from the last one
  const fields = stat.slice(stat.lastIndexOf(") ") + 2).split(" ")
  const [state = "", , group = ""] = fields
  return {
    pid,
    group: Number(group),
    start: `${boot()}:${fields[19] ?? ""}`,
    isZombie: state === "Z" || state === "X" || state === "x"
  }
}

const fromPs = (pids: string): ReadonlyArray<Process> => {
  const args = pids === "" ? ["-A"] : ["-p", pids]
  const { stdout } = spawnSync("ps", [...args, "-o", "pid=,pgid=,stat=,lstart="], {
    encoding: "utf8",
    env: { ...process.env, LC_ALL: "C" }
  })
  return stdout.split("\n").flatMap((line) => {
    const match = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*?)\s*$/.exec(line)
    if (match === null) return []
    const [, pid = "", group = "", stat = "", start = ""] = match
    return [{ pid: Number(pid), group: Number(group), start, isZombie: stat.startsWith("Z") }]
  })
}

/** The process that has this pid now, if any. */
export const find = (pid: number): Process | null =>
  onLinux ? fromProc(pid) : fromPs(String(pid)).find((found) => found.pid === pid) ?? null

/** Whether this very process still runs; a zombie does not. */
export const isAlive = (pid: number, start: string): boolean => {
  const found = find(pid)
  return found !== null && found.start === start && !found.isZombie
}

const all = (): ReadonlyArray<Process> => {
  if (!onLinux) return fromPs("")
  return fs.readdirSync("/proc").flatMap((name) => {
    const found = /^\d+$/.test(name) ? fromProc(Number(name)) : null
    return found === null ? [] : [found]
  })
}

/**
 * The living processes of a compute: the group of its verified leader, and on Linux whoever carries its id in the
 * environment it was started with. That finds those who left the group, and survivors of a dead leader.
 */
export const membersOf = (
  computeId: string,
  leader: { readonly pid: number; readonly start: string } | null
): ReadonlyArray<Process> => {
  const isLed = leader !== null && isAlive(leader.pid, leader.start)
  const mark = `\0ATLAS_COMPUTE_ID=${computeId}\0`
  return all().filter((found) =>
    !found.isZombie && found.pid !== process.pid && (
      (isLed && found.group === leader.pid)
      || (onLinux && `\0${readOrNull(`/proc/${found.pid}/environ`) ?? ""}`.includes(mark))
    )
  )
}

/** Sends a signal to one process, if it is still the same one; whether it was there to be signalled. */
export const signal = (target: Process, name: NodeJS.Signals): boolean => {
  if (!isAlive(target.pid, target.start)) return false
  try {
    return process.kill(target.pid, name)
  } catch {
    // it ended in between
    return false
  }
}

/** This process, as others may verify it. */
export const self = (): { readonly pid: number; readonly start: string } => ({
  pid: process.pid,
  start: find(process.pid)?.start ?? ""
})

const listeners = (port: number): ReadonlySet<string> => {
  const wanted = port.toString(16).toUpperCase().padStart(4, "0")
  const lines = ["/proc/net/tcp", "/proc/net/tcp6"].flatMap((file) => readOrNull(file)?.split("\n").slice(1) ?? [])
  return new Set(lines.flatMap((line) => {
    const [, local = "", , state = "", , , , , , inode = ""] = line.trim().split(/\s+/)
    // 0A is LISTEN
    return state === "0A" && local.endsWith(`:${wanted}`) ? [`socket:[${inode}]`] : []
  }))
}

const holdsOneOf = (pid: number, sockets: ReadonlySet<string>): boolean => {
  try {
    return fs.readdirSync(`/proc/${pid}/fd`).some((fd) => {
      try {
        return sockets.has(fs.readlinkSync(`/proc/${pid}/fd/${fd}`))
      } catch {
        // closed in between
        return false
      }
    })
  } catch {
    // ended in between
    return false
  }
}

/**
 * Whether somebody outside these processes listens on the port: `true` or `false` where the system can tell, null where
 * nobody listens or it cannot be told.
 */
export const isHeldByOther = (port: number, members: ReadonlyArray<Process>): boolean | null => {
  if (!onLinux) return null
  const sockets = listeners(port)
  if (sockets.size === 0) return null
  return !members.some(({ pid }) => holdsOneOf(pid, sockets))
}
