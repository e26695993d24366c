/** Everything the fake's cloud remembers. Times are wall-clock milliseconds. */
import * as Latch from "effect/Latch"
import type * as Schema from "effect/Schema"
import type { CreateEndpointRequest } from "../schema/endpointRequests.ts"
import type { CreatePodRequest } from "../schema/pods.ts"
import type { Template } from "../schema/resourceLists.ts"
import type { JobStatus } from "../schema/runtime.ts"
import { type CloudName, type Gpu, gpus, type Stock } from "./catalogData.ts"
import type { Meter, Rate } from "./meter.ts"

export interface Line {
  readonly source: "container" | "system"
  readonly at: number
  readonly text: string
  /** Opaque to readers, and larger than that of the line before. */
  readonly id: string
}

/** A log that callers can follow. */
export interface Log {
  readonly lines: Array<Line>
  /** Opened and replaced whenever there is something new. */
  changed: Latch.Latch
}

export const makeLog = (): Log => ({ lines: [], changed: Latch.makeUnsafe() })

/** RFC 3339 with nine digits, the last of which tell lines of one millisecond apart. */
const stampOf = (at: number, index: number): string =>
  new Date(at).toISOString().replace("Z", `${String(index % 1_000_000).padStart(6, "0")}Z`)

export const announce = (log: Log): void => {
  const { changed } = log
  log.changed = Latch.makeUnsafe()
  changed.openUnsafe()
}

export const write = (log: Log, source: Line["source"], at: number, text: string): void => {
  log.lines.push({ source, at, text, id: stampOf(at, log.lines.length) })
  announce(log)
}

type Container = Pick<CreatePodRequest, "gpu" | "cpu" | "mounts">

export interface Pod extends Container {
  readonly id: string
  /** Larger than that of every pod before. */
  readonly serial: number
  name: string
  image: string
  args: string
  entrypoint: ReadonlyArray<string> | null
  cmd: ReadonlyArray<string> | null
  disk: number
  mounts: NonNullable<CreatePodRequest["mounts"]>
  ports: ReadonlyArray<string>
  env: Readonly<Record<string, string>>
  registry: string | null
  readonly cloud: CloudName
  readonly dataCenterId: string
  readonly cudaVersion: string | null
  /** Dollars per hour while it is not stopped. */
  price: number
  locked: boolean
  globalNetworking: boolean
  readonly createdAt: number
  /** Absent from lists before this. */
  readonly visibleAt: number
  /** When its way to RUNNING began, and when each step of it is done. */
  startsAt: number
  runsAt: number
  stoppedAt: number | null
  endedAt: number | null
  /** An unrecoverable error of its container. */
  hasFailed: boolean
  /** RunPod does not know it any more; only the ledger still does. */
  isForgotten: boolean
  readonly ip: string
  readonly proxyUser: string
  /** Inside to outside. */
  tcp: Readonly<Record<string, number>>
  readonly meter: Meter
  readonly log: Log
  /** System lines up to here are written. */
  loggedUntil: number
}

export interface StoredTemplate extends Required<Omit<Template, "entrypoint" | "cmd">> {
  readonly serial: number
}

export interface Volume {
  readonly id: string
  name: string
  size: number
  readonly dataCenter: string
  readonly type: string
  readonly meter: Meter
  endedAt: number | null
}

/** How the cloud behaves, in milliseconds where it is about time. */
export interface Settings {
  readonly provisioning: number
  readonly starting: number
  readonly lingering: number
  readonly coldStart: number
  readonly streamHold: number
  readonly pageSize: number
  readonly paginates: boolean
}

/** What a worker does with a job; times in milliseconds since its start. */
export interface Plan {
  readonly duration: number
  readonly output: Schema.Json | undefined
  readonly error: string | null
  readonly chunks: ReadonlyArray<{ readonly at: number; readonly output: Schema.Json }>
}

export interface StockRule {
  readonly gpu: string
  readonly cloud: CloudName | null
  readonly dataCenter: string | null
  readonly level: Stock
}

export interface Job {
  readonly id: string
  readonly input: Schema.Json
  readonly webhook: string | null
  readonly timeout: number
  /** How long its result is kept once it is final. */
  readonly retention: number
  readonly createdAt: number
  diesAt: number
  plan: Plan
  status: JobStatus
  queuedAt: number
  startedAt: number | null
  endedAt: number | null
  workerId: string | null
  retries: number
  /** Chunks that were read and are gone. */
  drained: number
}

export interface Worker {
  readonly id: string
  readonly startedAt: number
  readonly readyAt: number
  readonly version: number
  idleSince: number
  jobId: string | null
  readonly log: Log
}

export interface Endpoint {
  readonly id: string
  readonly serial: number
  readonly createdAt: number
  /** What it was asked to be; changes replace it. */
  spec: CreateEndpointRequest
  readonly jobs: Map<string, Job>
  workers: ReadonlyArray<Worker>
  workersMade: number
  readonly counts: { completed: number; failed: number; retried: number }
  readonly releases: Array<Release>
  /** No worker starts while it is held. */
  isHeld: boolean
  /** Dollars per hour of one worker. */
  readonly price: Rate
  readonly meter: Meter
  /** Everything up to here has happened. */
  settledAt: number
  changed: Latch.Latch
}

export interface Release {
  readonly id: string
  readonly serial: number
  readonly version: number
  readonly createdAt: number
  readonly diff: ReadonlyArray<{ readonly field: string; readonly old: unknown; readonly new: unknown }>
}

export interface State {
  readonly settings: Settings
  readonly pods: Map<string, Pod>
  readonly templates: Map<string, StoredTemplate>
  readonly volumes: Map<string, Volume>
  readonly registries: Map<string, string>
  readonly endpoints: Map<string, Endpoint>
  /** Gone, and still on the bill. */
  readonly pastEndpoints: Array<Endpoint>
  readonly webhooks: Array<Schema.Json>
  sshKeys: ReadonlyArray<string>
  gpus: ReadonlyArray<Gpu>
  stock: ReadonlyArray<StockRule>
  serial: number
  /** How long after RUNNING outside ports appear; infinite where they never do. */
  portsLag: number
  listingLag: number
  /** Whether the lag also hides a young pod from a look at its id. */
  lagHidesGet: boolean
  hasBalance: boolean
  /** GPU types this account may not rent. */
  forbidden: ReadonlyArray<string>
  /** Deletes that are accepted and not done. */
  ignoredDeletes: number
  plan: (input: Schema.Json) => Plan
}

export const makeState = (settings: Settings, plan: State["plan"]): State => ({
  settings,
  pods: new Map(),
  templates: new Map(),
  volumes: new Map(),
  registries: new Map(),
  endpoints: new Map(),
  pastEndpoints: [],
  webhooks: [],
  sshKeys: [],
  gpus,
  stock: [],
  serial: 0,
  portsLag: 0,
  listingLag: 0,
  lagHidesGet: false,
  hasBalance: true,
  forbidden: [],
  ignoredDeletes: 0,
  plan
})

/** Each state has its own order of things. */
export const nextSerial = (state: State): number => ++state.serial
