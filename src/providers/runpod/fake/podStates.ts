/** The life of a pod and how it is shown. */
import type { PodStatus } from "../schema/podAnswers.ts"
import { iso } from "./input.ts"
import { containerDisk, type Rate, setRate, volumeRunning, volumeStopped } from "./meter.ts"
import { announce, type Pod, type State, write } from "./state.ts"

export const statusOf = (pod: Pod, now: number, settings: State["settings"]): PodStatus => {
  if (pod.endedAt !== null) return "TERMINATED"
  if (pod.hasFailed) return "ERROR"
  if (pod.stoppedAt !== null) return "EXITED"
  if (now >= pod.runsAt) return "RUNNING"
  return now >= pod.runsAt - settings.starting ? "STARTING" : "PROVISIONING"
}

const actionsOf: Readonly<Record<PodStatus, ReadonlyArray<string>>> = {
  PROVISIONING: ["stop", "terminate"],
  STARTING: ["stop", "terminate"],
  RUNNING: ["stop", "restart", "terminate"],
  EXITED: ["start", "terminate"],
  ERROR: ["start", "terminate"],
  TERMINATED: []
}

export const allows = (status: PodStatus, action: string): boolean => actionsOf[status].includes(action)

/** What it costs from now on. */
const rateOf = (pod: Pod): Rate => {
  const volume = pod.mounts.persistent?.size ?? 0
  if (pod.endedAt !== null) return { gpu: 0, cpu: 0, disk: 0 }
  if (pod.stoppedAt !== null || pod.hasFailed) return { gpu: 0, cpu: 0, disk: volume * volumeStopped }
  const disk = pod.disk * containerDisk + volume * volumeRunning
  return pod.cpu === undefined ? { gpu: pod.price, cpu: 0, disk } : { gpu: 0, cpu: pod.price, disk }
}

/** To be called after anything changed. */
export const changed = (pod: Pod, now: number): void => {
  setRate(pod.meter, now, rateOf(pod))
  announce(pod.log)
}

/** Whether it can still cost anything. */
export const isLive = (pod: Pod): boolean => pod.endedAt === null

/** Known to RunPod; a pod that just ended may still be listed. */
export const isListed = (state: State, pod: Pod, now: number): boolean => {
  if (pod.isForgotten || now < pod.visibleAt) return false
  return pod.endedAt === null || now < pod.endedAt + state.settings.lingering
}

export const find = (state: State, id: string, now: number): Pod | undefined => {
  const pod = state.pods.get(id)
  if (pod === undefined || pod.isForgotten || pod.endedAt !== null) return undefined
  return state.lagHidesGet && now < pod.visibleAt ? undefined : pod
}

export const end = (pod: Pod, now: number): void => {
  if (pod.endedAt !== null) return
  pod.endedAt = now
  write(pod.log, "system", now, "remove container")
  changed(pod, now)
}

/** Starts the way to RUNNING. */
export const boot = (pod: Pod, now: number, delay: number, dice: (below: number) => number): void => {
  pod.startsAt = now
  pod.runsAt = now + delay
  pod.stoppedAt = null
  pod.hasFailed = false
  pod.loggedUntil = now
  // the addresses outside are new ones every time
  pod.tcp = Object.fromEntries(tcpPorts(pod.ports).map((port) => [port, 10_000 + dice(50_000)]))
  changed(pod, now)
}

/** Writes the system lines that are due. */
export const settle = (pod: Pod, now: number): void => {
  if (pod.loggedUntil < pod.runsAt && now >= pod.runsAt && pod.stoppedAt === null && pod.endedAt === null) {
    // first, since a write lets other readers of the log run at once
    pod.loggedUntil = now
    write(pod.log, "system", pod.runsAt, `start container for ${pod.image}: begin`)
  }
}

const tcpPorts = (ports: ReadonlyArray<string>): ReadonlyArray<string> =>
  ports.flatMap((port) => port.endsWith("/tcp") ? [port.slice(0, -"/tcp".length)] : [])

const ssh = (host: string, port: number, username: string) => ({
  host,
  port,
  username,
  command: port === 22 ? `ssh ${username}@${host}` : `ssh ${username}@${host} -p ${port}`
})

/** `args` as RunPod stores an exec form. */
export const storedArgs = (
  entrypoint: ReadonlyArray<string> | null,
  cmd: ReadonlyArray<string> | null
): string => JSON.stringify({ ...(entrypoint === null ? {} : { entrypoint }), ...(cmd === null ? {} : { cmd }) })

const memoryOf = (pod: Pod): number => pod.cpu === undefined ? (pod.gpu?.count ?? 1) * 62 : pod.cpu.vcpuCount * 2

export const view = (state: State, pod: Pod, now: number): object => {
  const { settings } = state
  const status = statusOf(pod, now, settings)
  const isRunning = status === "RUNNING"
  const hasPorts = isRunning && now >= pod.runsAt + state.portsLag
  const tcp = Object.entries(pod.tcp).filter(([inside]) => tcpPorts(pod.ports).includes(inside))
  const direct = hasPorts ? pod.tcp["22"] : undefined
  return {
    id: pod.id,
    name: pod.name,
    status,
    actions: actionsOf[status],
    image: pod.image,
    args: pod.args,
    ...(pod.entrypoint === null ? {} : { entrypoint: pod.entrypoint }),
    ...(pod.cmd === null ? {} : { cmd: pod.cmd }),
    disk: pod.disk,
    mounts: pod.mounts,
    ports: pod.ports,
    env: pod.env,
    registry: pod.registry,
    ...(pod.gpu === undefined ? {} : {
      gpu: { id: pod.gpu.id, count: pod.gpu.count ?? 1, vcpuCount: (pod.gpu.count ?? 1) * 16, memory: memoryOf(pod) }
    }),
    ...(pod.cpu === undefined ? {} : { cpu: { ...pod.cpu, memory: memoryOf(pod) } }),
    cloud: pod.cloud,
    dataCenterId: pod.dataCenterId,
    cudaVersion: pod.cudaVersion,
    ssh: {
      proxy: status === "PROVISIONING" || status === "EXITED" || status === "TERMINATED"
        ? null
        : ssh("ssh.runpod.io", 22, pod.proxyUser),
      direct: direct === undefined ? null : ssh(pod.ip, direct, "root")
    },
    template: null,
    cost: status === "EXITED" || status === "TERMINATED" || status === "ERROR" ? 0 : pod.price,
    locked: pod.locked,
    globalNetworking: pod.globalNetworking
      ? { enabled: true, internalDns: `${pod.id}.runpod.internal` }
      : { enabled: false },
    runtime: !isRunning ? null : {
      uptime: Math.floor((now - pod.runsAt) / 1000),
      ports: hasPorts
        ? tcp.map(([inside, outside]) => ({
          // a number above 70000 asks for the same port inside and outside, which RunPod then chooses
          private: Number(inside) > 65_535 ? outside : Number(inside),
          public: outside,
          type: "tcp",
          ip: pod.ip
        }))
        : []
    },
    createdAt: iso(pod.createdAt),
    startedAt: isRunning || pod.stoppedAt !== null ? iso(pod.runsAt) : null
  }
}
