/** Serverless endpoints over HTTP: create, look, change, delete, their workers and releases. */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import { CreateEndpointRequest, UpdateEndpointRequest } from "../schema/endpointRequests.ts"
import { cpus } from "./catalogData.ts"
import * as Endpoints from "./endpointState.ts"
import { type Input, iso, plainEnv, reader, word } from "./input.ts"
import { noRate, type Rate, setRate } from "./meter.ts"
import { page } from "./pages.ts"
import { demand, empty, json, refuse, refuseIf, type Written } from "./reply.ts"
import { nextSerial, type State } from "./state.ts"

const readCreate = reader(CreateEndpointRequest)
const readUpdate = reader(UpdateEndpointRequest)

/** The endpoint as it is now, everything that was due done. */
export const live = (
  state: State,
  id: string,
  now: number
): Endpoints.Endpoint | undefined => {
  const endpoint = state.endpoints.get(id)
  if (endpoint !== undefined) Endpoints.advance(state, endpoint, now)
  return endpoint
}

const known = (state: State, input: Input): Effect.Effect<Endpoints.Endpoint, Written> => {
  const endpoint = live(state, input.params["id"] ?? "", input.now)
  return endpoint === undefined ? refuse(404, "endpoint not found") : Effect.succeed(endpoint)
}

const urlsOf = (id: string, type: string): object => {
  const base = `https://api.runpod.ai/v2/${id}`
  return type === "LOAD_BALANCER" ?
    { base: `https://${id}.api.runpod.ai`, health: `https://${id}.api.runpod.ai/ping` } :
    {
      run: `${base}/run`,
      runSync: `${base}/runsync`,
      status: `${base}/status/{job_id}`,
      stream: `${base}/stream/{job_id}`,
      cancel: `${base}/cancel/{job_id}`,
      retry: `${base}/retry/{job_id}`,
      purgeQueue: `${base}/purge-queue`,
      health: `${base}/health`
    }
}

const view = (endpoint: Endpoints.Endpoint): object => {
  const { spec } = endpoint
  const { idle, max, min } = Endpoints.workersOf(spec)
  const hasIdle = !(spec.type === "QUEUE" && spec.scaling.type === "REQUEST_COUNT")
  return {
    id: endpoint.id,
    name: spec.name,
    type: spec.type,
    requestUrls: urlsOf(endpoint.id, spec.type),
    gpu: spec.gpu === undefined ? null : {
      pools: spec.gpu.pools,
      count: spec.gpu.count ?? 1,
      ...(spec.gpu.excludedTypes === undefined ? {} : { excludedTypes: spec.gpu.excludedTypes }),
      allowedCudaVersions: spec.gpu.allowedCudaVersions ?? [],
      minCudaVersion: spec.gpu.minCudaVersion ?? null
    },
    ...(spec.cpu === undefined ? {} : {
      cpu: spec.cpu.map((one) => ({
        ...one,
        memory: one.vcpuCount * (cpus.find(({ id }) => id === one.id)?.ramGbPerVcpu ?? 2)
      }))
    }),
    workers: { min, max, ...(hasIdle ? { idleTimeout: idle / 1000 } : {}) },
    scaling: spec.scaling,
    dataCenterIds: spec.dataCenterIds ?? [],
    networkVolumes: spec.networkVolumes ?? [],
    // in live use a missing one came back as 0, not as the documented 300000
    timeout: spec.timeout ?? 0,
    flashboot: spec.flashboot ?? "OFF",
    image: spec.image ?? "",
    args: spec.args ?? "",
    disk: spec.disk ?? 20,
    env: plainEnv(spec.env ?? {}),
    ports: spec.ports ?? [],
    registry: spec.registry ?? null,
    createdAt: iso(endpoint.createdAt)
  }
}

const check = (state: State, spec: CreateEndpointRequest): Effect.Effect<void, Written> =>
  Effect.gen(function*() {
    yield* demand(spec.image !== undefined || spec.templateId !== undefined, "$: missing property 'image'")
    yield* demand(
      spec.type !== "LOAD_BALANCER" || spec.scaling.type === "REQUEST_COUNT",
      "$.scaling.type: value must be 'REQUEST_COUNT'"
    )
    yield* demand(
      !(spec.type === "QUEUE" && spec.scaling.type === "REQUEST_COUNT" && spec.workers?.idleTimeout !== undefined),
      "idleTimeout does not apply to queue-based endpoints scaling on requestCount"
    )
    yield* refuseIf(
      (spec.gpu === undefined) === (spec.cpu === undefined),
      400,
      "exactly one of gpu and cpu is required"
    )
    const pools = spec.gpu?.pools ?? []
    const inPools = state.gpus.filter(({ pool }) => pool !== null && pools.includes(pool)).map(({ id }) => id)
    const stranger = spec.gpu?.excludedTypes?.find((id) => !inPools.includes(id))
    yield* refuseIf(stranger !== undefined, 400, `${stranger} is not in the pools`)
    const missing = spec.networkVolumes?.find((id) => state.volumes.get(id)?.endedAt !== null)
    yield* refuseIf(missing !== undefined, 404, "network volume not found")
    if (spec.templateId !== undefined) {
      const template = state.templates.get(spec.templateId)
      if (template === undefined) return yield* refuse(404, "template not found")
      yield* demand(template.serverless === true, "the template is not for serverless endpoints")
    }
  })

const priceOf = (state: State, spec: CreateEndpointRequest): Rate => {
  const [cpu] = spec.cpu ?? []
  if (cpu !== undefined) {
    const flavor = cpus.find(({ id }) => id === cpu.id)
    return { ...noRate, cpu: (flavor?.price.serverlessPerVcpu ?? 0) * cpu.vcpuCount }
  }
  const gpu = state.gpus.find(({ pool }) => pool !== null && spec.gpu?.pools.includes(pool))
  return { ...noRate, gpu: (gpu?.serverless ?? 0) * (spec.gpu?.count ?? 1) }
}

/** Template first, body over it; the environment is merged by name. */
const withTemplate = (state: State, spec: CreateEndpointRequest): CreateEndpointRequest => {
  const template = spec.templateId === undefined ? undefined : state.templates.get(spec.templateId)
  if (template === undefined) return spec
  const { args, disk, env, image, ports, registry } = template
  return { args, disk, image, ports, registry, ...spec, env: { ...env, ...spec.env } }
}

/** An endpoint of a spec that is right. */
export const add = (state: State, id: string, spec: CreateEndpointRequest, now: number): Endpoints.Endpoint => {
  const endpoint: Endpoints.Endpoint = {
    id,
    serial: nextSerial(state),
    createdAt: now,
    spec: withTemplate(state, spec),
    jobs: new Map(),
    workers: [],
    workersMade: 0,
    counts: { completed: 0, failed: 0, retried: 0 },
    releases: [{ id: `${id}-1`, serial: nextSerial(state), version: 1, createdAt: now, diff: [] }],
    isHeld: false,
    price: priceOf(state, spec),
    meter: [],
    settledAt: now,
    changed: Latch.makeUnsafe()
  }
  state.endpoints.set(id, endpoint)
  Endpoints.advance(state, endpoint, now)
  return endpoint
}

export const listEndpoints = (state: State, input: Input) =>
  Effect.map(
    page(input, { list: "serverless", ...state.settings }, state.endpoints.values()),
    ({ beside, entries }) => json(200, { endpoints: entries.map(view), ...beside })
  )

export const createEndpoint = (state: State, input: Input) =>
  Effect.gen(function*() {
    const spec = yield* readCreate(input)
    yield* check(state, spec)
    return json(201, view(add(state, word(input.dice, 14), spec, input.now)))
  })

export const getEndpoint = (state: State, input: Input) =>
  Effect.map(known(state, input), (endpoint) => json(200, view(endpoint)))

/** Changes of these reach workers only as they are replaced. */
const released = ["image", "env", "args", "disk", "ports", "templateId"] as const

export const updateEndpoint = (state: State, input: Input) =>
  Effect.gen(function*() {
    const endpoint = yield* known(state, input)
    const { gpu, ...body } = yield* readUpdate(input)
    const before = endpoint.spec
    yield* refuseIf(gpu !== undefined && before.gpu === undefined, 400, "a CPU endpoint stays one")
    yield* refuseIf(body.cpu !== undefined && before.cpu === undefined, 400, "a GPU endpoint stays one")
    const { minCudaVersion, ...restOfGpu } = gpu ?? {}
    const { excludedTypes, ...ownGpu } = before.gpu ?? { pools: [] }
    const isRepooled = gpu?.pools !== undefined
    const nextGpu = {
      ...ownGpu,
      // pools replace pools and exclusions together
      ...(excludedTypes === undefined || isRepooled ? {} : { excludedTypes }),
      ...restOfGpu,
      ...(minCudaVersion === undefined || minCudaVersion === "" ? {} : { minCudaVersion })
    }
    const { minCudaVersion: _cleared, ...withoutMinimum } = nextGpu
    const spec = withTemplate(state, {
      ...before,
      ...body,
      workers: { ...before.workers, ...body.workers },
      ...(before.gpu === undefined ? {} : { gpu: minCudaVersion === "" ? withoutMinimum : nextGpu })
    })
    yield* check(state, spec)
    endpoint.spec = spec
    const diff = released.filter((field) => body[field] !== undefined).map((field) => ({
      field,
      old: field === "env" ? null : before[field] ?? null,
      new: field === "env" ? null : spec[field] ?? null
    }))
    if (diff.length > 0) {
      const version = Endpoints.versionOf(endpoint) + 1
      endpoint.releases.unshift({
        id: `${endpoint.id}-${version}`,
        serial: nextSerial(state),
        version,
        createdAt: input.now,
        diff
      })
    }
    Endpoints.advance(state, endpoint, input.now)
    return json(200, view(endpoint))
  })

export const deleteEndpoint = (state: State, input: Input) =>
  Effect.map(known(state, input), (endpoint) => {
    for (const job of endpoint.jobs.values()) {
      if (!Endpoints.isFinal(job.status)) Endpoints.cancel(state, endpoint, job, input.now)
    }
    endpoint.workers = []
    setRate(endpoint.meter, input.now, noRate)
    state.endpoints.delete(endpoint.id)
    state.pastEndpoints.push(endpoint)
    state.templates.delete(endpoint.spec.templateId ?? "")
    return empty()
  })

const workerStatus = (worker: Endpoints.Worker, now: number): "RUNNING" | "IDLE" | "INITIALIZING" =>
  worker.readyAt > now ? "INITIALIZING" : worker.jobId === null ? "IDLE" : "RUNNING"

/** How many workers are in which state. */
export const summaryOf = (endpoint: Endpoints.Endpoint, now: number) => {
  const count = (status: string) => endpoint.workers.filter((worker) => workerStatus(worker, now) === status).length
  const isThrottled = endpoint.isHeld && endpoint.workers.length === 0
  return {
    running: count("RUNNING"),
    idle: count("IDLE"),
    initializing: count("INITIALIZING"),
    throttled: isThrottled ? 1 : 0,
    unhealthy: 0
  }
}

export const listEndpointWorkers = (state: State, input: Input) =>
  Effect.map(known(state, input), (endpoint) => {
    const gpu = state.gpus.find(({ pool }) => pool !== null && endpoint.spec.gpu?.pools.includes(pool))
    return json(200, {
      workers: endpoint.workers.map((worker) => ({
        id: worker.id,
        status: workerStatus(worker, input.now),
        isStale: worker.version !== Endpoints.versionOf(endpoint),
        version: worker.version,
        gpuCount: endpoint.spec.gpu === undefined ? 0 : endpoint.spec.gpu.count ?? 1,
        image: endpoint.spec.image ?? null,
        uptimeSeconds: Math.max(0, Math.floor((input.now - worker.readyAt) / 1000)),
        gpuTypeId: gpu?.id ?? null,
        dataCenterId: endpoint.spec.dataCenterIds?.[0] ?? "EU-RO-1",
        startedAt: iso(worker.startedAt)
      })),
      summary: { ...summaryOf(endpoint, input.now), total: endpoint.workers.length },
      endpointVersion: Endpoints.versionOf(endpoint)
    })
  })

export const listEndpointReleases = (state: State, input: Input) =>
  Effect.gen(function*() {
    const endpoint = yield* known(state, input)
    const version = Endpoints.versionOf(endpoint)
    const { beside, entries } = yield* page(
      input,
      { list: `releases/${endpoint.id}`, ...state.settings },
      endpoint.releases
    )
    const onLatest = endpoint.workers.filter((worker) => worker.version === version).length
    const total = endpoint.workers.length
    return json(200, {
      endpointVersion: version,
      rollout: {
        inProgress: onLatest < total,
        workersOnLatest: onLatest,
        workersTotal: total,
        percentOnLatest: total === 0 ? 100 : Math.floor((100 * onLatest) / total)
      },
      releases: entries.map((release) => ({
        id: release.id,
        version: release.version,
        source: "MANUAL",
        buildId: null,
        createdByUserId: null,
        workerCount: endpoint.workers.filter((worker) => worker.version === release.version).length,
        createdAt: iso(release.createdAt),
        diff: release.diff
      })),
      ...beside
    })
  })
