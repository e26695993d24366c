/**
 * What really runs on this machine: is this process still the one we started, and which processes belong to a compute?
 *
 * The one place that reads `/proc` (or asks `ps`) and sends signals. Reads are synchronous: a snapshot is only as good as
 * the time it takes. A pid alone proves nothing, since pids are used again; a start time goes with it everywhere.
 */
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import { basename, dirname, join } from "node:path"

/** A process as the system shows it; `start` tells it from a later one with the same pid. */
export interface Process {
  readonly pid: number
  readonly parent: number
  readonly group: number
  /** The session it is in, 0 where the system does not say. */
  readonly session: number
  readonly start: string
  readonly isZombie: boolean
  /** Whether a terminal controls it; true where the system does not say. */
  readonly hasTerminal: boolean
}

const onLinux = process.platform === "linux"

const readOrNull = (file: string): string | null => {
  try {
    return fs.readFileSync(file, "latin1")
  } catch {
    // gone, or a process of another user
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
  const [state = "", parent = "", group = "", session = "", terminal = ""] = fields
  return {
    pid,
    parent: Number(parent),
    group: Number(group),
    session: Number(session),
    start: `${boot()}:${fields[19] ?? ""}`,
    isZombie: state === "Z" || state === "X" || state === "x",
    hasTerminal: terminal !== "0"
  }
}

const fromPs = (pids: string): ReadonlyArray<Process> => {
  const args = pids === "" ? ["-A"] : ["-p", pids]
  const { stdout } = spawnSync("ps", [...args, "-o", "pid=,ppid=,pgid=,stat=,lstart="], {
    encoding: "utf8",
    // a start time is compared as text, so it must not depend on the user's language or time zone
    env: { ...process.env, LC_ALL: "C", TZ: "UTC0" }
  })
  return stdout.split("\n").flatMap((line) => {
    const match = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(.*?)\s*$/.exec(line)
    if (match === null) return []
    const [, pid = "", parent = "", group = "", stat = "", start = ""] = match
    const isZombie = stat.startsWith("Z")
    const [own, above, led] = [Number(pid), Number(parent), Number(group)]
    return [{ pid: own, parent: above, group: led, session: 0, start, isZombie, hasTerminal: true }]
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

/** All living processes but this one, each with the compute that it provably belongs to by itself, if any. */
export type Snapshot = ReadonlyArray<Process & { readonly computeId: string | null }>

/** The compute whose variables it was started with, or whose control group it is in: that one only a privileged process leaves. */
const computeIdOf = (pid: number): string | null => {
  if (!onLinux) return null
  const environment = `\0${readOrNull(`/proc/${pid}/environ`) ?? ""}`
  return /\0ATLAS_COMPUTE_ID=([^\0]*)\0/.exec(environment)?.[1]
    ?? /^0::.*\/atlas-(local-[^/\n]+)$/m.exec(readOrNull(`/proc/${pid}/cgroup`) ?? "")?.[1]
    ?? null
}

/** Removes the control group that a compute's shell made, once nothing is in it. */
export const removeGroup = (computeId: string, group: string): void => {
  if (!group.startsWith("/sys/fs/cgroup/") || !group.endsWith(`/atlas-${computeId}`)) return
  try {
    fs.rmdirSync(group)
  } catch {
    // gone already, or something is in it again: an empty group costs nothing
  }
}

const linkOrNull = (file: string): string | null => {
  try {
    return fs.readlinkSync(file)
  } catch {
    // gone, or a process of another user
    return null
  }
}

/** How the system names the pipes of a compute's output: without the links on the way to its directory. */
const pipesOf = (directory: string): string => {
  try {
    return join(fs.realpathSync(dirname(directory)), basename(directory), ".out.")
  } catch {
    // nothing of a directory that is not there is open by a name
    return join(directory, ".out.")
  }
}

/** Whether one of these files of a process is a pipe that takes a compute's output. */
const isAtPipe = (pid: number, files: ReadonlyArray<number>, pipes: string): boolean =>
  onLinux && files.some((file) => linkOrNull(`/proc/${pid}/fd/${file}`)?.startsWith(pipes) === true)

/** Whether it is the writer of the compute's log, or works for it. */
export const isWriter = ({ pid }: Process, directory: string): boolean => isAtPipe(pid, [0], pipesOf(directory))

/** Whether one process began no earlier than another, as the system counts since its start. */
const isNoOlder = (found: Process, than: { readonly start: string }): boolean => {
  const [bootOf, at] = found.start.split(":")
  const [otherBoot, otherAt] = than.start.split(":")
  return bootOf === otherBoot && Number(at) >= Number(otherAt)
}

/** What is known of a compute whose processes are looked for. */
export interface Known {
  readonly id: string
  readonly directory: string
  readonly leader: { readonly pid: number; readonly start: string } | null
}

/** What runs right now. */
export const look = (): Snapshot =>
  all().flatMap((found) =>
    found.isZombie || found.pid === process.pid ? [] : [{ ...found, computeId: computeIdOf(found.pid) }]
  )

const isSame = (left: Process, right: Process): boolean => left.pid === right.pid && left.start === right.start

/**
 * The processes of a compute: on Linux those with its id in the environment they were started with, those in its control group,
 * those whose own output goes to its log, the group and the session of its verified leader, those that were `seen` to belong to
 * it before, and the descendants of all of these. So processes that left the group are found, processes that dropped our
 * variables, and survivors of a dead leader.
 *
 * A process with another compute's id belongs to that compute, whichever process started it. Output alone proves little, since a
 * process can be handed a file of another: it counts where it is a process's standard output or error, and the process is
 * younger than the leader and has no terminal, so that no person has started it by hand.
 */
export const membersOf = (
  { directory, id: computeId, leader }: Known,
  snapshot: Snapshot = look(),
  seen: ReadonlyArray<Process> = []
): ReadonlyArray<Process> => {
  const pipes = pipesOf(directory)
  const isLed = leader !== null && snapshot.some(({ pid, start }) => pid === leader.pid && start === leader.start)
  const candidates = snapshot.filter((found) => found.computeId === null || found.computeId === computeId)
  const members = new Map(
    candidates.filter((found) =>
      found.computeId === computeId
      || (isLed && (found.group === leader.pid || found.session === leader.pid))
      || seen.some((one) => isSame(one, found))
      || (found.computeId === null && leader !== null && !found.hasTerminal && isNoOlder(found, leader)
        && isAtPipe(found.pid, [1, 2], pipes))
    ).map((found) => [found.pid, found])
  )
  // a map is walked to its end even while it grows, so this reaches every generation
  for (const pid of members.keys()) {
    for (const found of candidates) if (found.parent === pid) members.set(found.pid, found)
  }
  return [...members.values()]
}

const wordsOf = (pid: number): string | null => onLinux ? readOrNull(`/proc/${pid}/cmdline`) : null

/**
 * Whether it is a copy of the leading shell, a moment before it becomes the command. Such a one still has the shell's traps,
 * so a signal can be lost on it.
 */
export const isCopyOf = (leader: number, found: Process): boolean => {
  const words = found.parent === leader ? wordsOf(found.pid) : null
  return words !== null && words !== "" && words === wordsOf(leader)
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

/** This process, as other processes can verify it. */
export const self = (): { readonly pid: number; readonly start: string } => ({
  pid: process.pid,
  start: find(process.pid)?.start ?? ""
})

/** Addresses that a connection to 127.0.0.1 reaches, as the kernel writes them: any, loopback, and the same within IPv6. */
const reachable: ReadonlySet<string> = new Set([
  "00000000",
  "0100007F",
  "0".repeat(32),
  "0000000000000000FFFF00000100007F"
])

/** The kernel's table of TCP sockets, one line each; null where there is none that could be read. */
export type SocketTable = () => ReadonlyArray<string> | null

/** The table as it is right now. While sockets come and go a reading of it can miss one that is there all the time. */
export const socketTable: SocketTable = () => {
  const ipv4 = onLinux ? readOrNull("/proc/net/tcp") : null
  if (ipv4 === null) return null
  return [ipv4, readOrNull("/proc/net/tcp6") ?? ""].flatMap((text) => text.split("\n").slice(1))
}

const listeners = (port: number, lines: ReadonlyArray<string>): ReadonlySet<string> => {
  const wanted = port.toString(16).toUpperCase().padStart(4, "0")
  return new Set(lines.flatMap((line) => {
    const [, local = "", , state = "", , , , , , inode = ""] = line.trim().split(/\s+/)
    const [address = "", at = ""] = local.split(":")
    // 0A is LISTEN
    return state === "0A" && at === wanted && reachable.has(address) ? [`socket:[${inode}]`] : []
  }))
}

/** Whether the process holds one of these sockets; null where we may not see what it holds. */
const holdsOneOf = (pid: number, sockets: ReadonlySet<string>): boolean | null => {
  try {
    return fs.readdirSync(`/proc/${pid}/fd`).some((fd) => {
      // a socket that was closed in between is none
      return sockets.has(linkOrNull(`/proc/${pid}/fd/${fd}`) ?? "")
    })
  } catch (error) {
    // gone in between, or a process that changed its user
    return error instanceof Error && "code" in error && error.code === "EACCES" ? null : false
  }
}

/** Which process listens on a loopback port: one of these, another one, none, or null where it cannot be told. */
export const holderOf = (
  port: number,
  members: ReadonlyArray<Process>,
  table: SocketTable = socketTable
): "member" | "other" | "none" | null => {
  let sockets: ReadonlySet<string> = new Set()
  // a reading can miss a socket, so a single reading without one is not believed
  for (let readings = 0; readings < 2 && sockets.size === 0; readings++) {
    const lines = table()
    if (lines === null) return null
    sockets = listeners(port, lines)
  }
  if (sockets.size === 0) return "none"
  const held = members.map(({ pid }) => holdsOneOf(pid, sockets))
  if (held.includes(true)) return "member"
  return held.includes(null) ? null : "other"
}
