/** Pods over HTTP: create, look, change, end. */
import * as Effect from "effect/Effect"
import { UpdatePodRequest } from "../schema/changes.ts"
import { CreatePodRequest, PodActionRequest } from "../schema/pods.ts"
import { type Input, plainEnv, reader, word } from "./input.ts"
import { page } from "./pages.ts"
import { place } from "./placing.ts"
import * as Pods from "./podStates.ts"
import { demand, empty, json, refuse, refuseIf, type Written } from "./reply.ts"
import { makeLog, nextSerial, type Pod, type State, write } from "./state.ts"

export const portPattern = /^\d{1,5}\/(http|tcp)$/

const readCreate = reader(CreatePodRequest)
const readUpdate = reader(UpdatePodRequest)
const readAction = reader(PodActionRequest)

const checkContainer = (
  body: Pick<CreatePodRequest, "ports" | "args" | "entrypoint" | "cmd" | "registry">,
  state: State
): Effect.Effect<void, Written> =>
  Effect.gen(function*() {
    const port = body.ports?.find((one) => !portPattern.test(one))
    yield* refuseIf(port !== undefined, 400, `invalid port ${JSON.stringify(port)}: expected <port>/<http or tcp>`)
    const hasExec = body.entrypoint !== undefined || body.cmd !== undefined
    yield* refuseIf(
      hasExec && body.args !== undefined && body.args !== Pods.storedArgs(body.entrypoint ?? null, body.cmd ?? null),
      400,
      "args and entrypoint/cmd say different things"
    )
    const { registry } = body
    yield* refuseIf(typeof registry === "string" && !state.registries.has(registry), 404, "registry not found")
  })

const checkCreate = (body: CreatePodRequest, state: State): Effect.Effect<void, Written> =>
  Effect.gen(function*() {
    yield* demand(body.image !== undefined || body.templateId !== undefined, "$: missing property 'image'")
    yield* refuseIf(
      (body.gpu === undefined) === (body.cpu === undefined),
      400,
      "exactly one of gpu and cpu is required"
    )
    yield* refuseIf(
      body.mounts?.persistent !== undefined && body.mounts.network !== undefined,
      400,
      "mounts.persistent and mounts.network cannot be combined"
    )
    yield* refuseIf(
      body.cpu !== undefined && body.mounts?.persistent !== undefined,
      400,
      "CPU pods have no persistent mount"
    )
    yield* refuseIf(
      body.gpu?.minCudaVersion !== undefined && (body.gpu.allowedCudaVersions ?? []).length > 0,
      400,
      "gpu.allowedCudaVersions and gpu.minCudaVersion cannot be combined"
    )
    // a body without it was refused in live use, though the document does not require it
    yield* refuseIf(body.disk === undefined && body.templateId === undefined, 400, "disk is required")
    yield* checkContainer(body, state)
  })

const template = (id: string | undefined, state: State) =>
  Effect.gen(function*() {
    if (id === undefined) return undefined
    const found = state.templates.get(id)
    if (found === undefined) return yield* refuse(404, "template not found")
    if (found.serverless) return yield* refuse(422, "a serverless template cannot be used for a pod")
    return found
  })

const network = (body: CreatePodRequest, state: State) =>
  Effect.gen(function*() {
    const id = body.mounts?.network?.[0]?.volumeId
    if (id === undefined) return undefined
    const volume = state.volumes.get(id)
    return volume === undefined || volume.endedAt !== null ? yield* refuse(404, "network volume not found") : volume
  })

/** Makes a pod of a body that is right, as many times as it is called. */
const made = (
  input: Input,
  state: State,
  body: CreatePodRequest,
  from: Effect.Success<ReturnType<typeof template>>,
  placed: Effect.Success<ReturnType<typeof place>>,
  at: number
): Pod => {
  const id = word(input.dice, 14)
  const entrypoint = body.entrypoint ?? null
  const cmd = body.cmd ?? null
  const pod: Pod = {
    id,
    serial: nextSerial(state),
    name: body.name,
    image: body.image ?? from?.image ?? "",
    args: entrypoint === null && cmd === null ? body.args ?? from?.args ?? "" : Pods.storedArgs(entrypoint, cmd),
    entrypoint,
    cmd,
    disk: body.disk ?? from?.disk ?? 20,
    mounts: body.mounts ?? {},
    ports: body.ports ?? from?.ports ?? [],
    env: { ...from?.env, ...plainEnv(body.env ?? {}) },
    registry: body.registry ?? from?.registry ?? null,
    ...(body.gpu === undefined ? {} : { gpu: body.gpu }),
    ...(body.cpu === undefined ? {} : { cpu: body.cpu }),
    ...placed,
    locked: false,
    globalNetworking: body.globalNetworking ?? false,
    createdAt: at,
    visibleAt: at + state.listingLag,
    startsAt: at,
    runsAt: at,
    stoppedAt: null,
    endedAt: null,
    hasFailed: false,
    isForgotten: false,
    // set aside for documentation, so nothing answers there
    ip: `203.0.113.${1 + input.dice(254)}`,
    proxyUser: `${id}-${word(input.dice, 8, "0123456789abcdef")}`,
    tcp: {},
    meter: [],
    log: makeLog(),
    loggedUntil: at
  }
  state.pods.set(id, pod)
  write(pod.log, "system", at, `create container ${pod.image}`)
  Pods.boot(pod, at, state.settings.provisioning + state.settings.starting, input.dice)
  return pod
}

/** `duplicate` is how much later a second pod of the same body is made. */
export const createPod = (state: State, input: Input, duplicate: number | undefined) =>
  Effect.gen(function*() {
    const body = yield* readCreate(input)
    yield* checkCreate(body, state)
    const from = yield* template(body.templateId, state)
    const volume = yield* network(body, state)
    yield* refuseIf(!state.hasBalance, 402, "Your account balance is too low to create this pod. Please add funds.")
    const placed = yield* place(state, body, volume?.dataCenter, input.dice)
    const pod = made(input, state, body, from, placed, input.now)
    if (duplicate !== undefined) made(input, state, body, from, placed, input.now + duplicate)
    return json(201, Pods.view(state, pod, input.now))
  })

export const known = (state: State, input: Input): Effect.Effect<Pod, Written> => {
  const pod = Pods.find(state, input.params["id"] ?? "", input.now)
  return pod === undefined ? refuse(404, "pod not found") : Effect.succeed(pod)
}

export const listPods = (state: State, input: Input) =>
  Effect.map(
    page(
      input,
      { list: "pods", ...state.settings },
      Array.from(state.pods.values()).filter((pod) => Pods.isListed(state, pod, input.now))
    ),
    ({ beside, entries }) => json(200, { pods: entries.map((pod) => Pods.view(state, pod, input.now)), ...beside })
  )

export const getPod = (state: State, input: Input) =>
  Effect.map(known(state, input), (pod) => json(200, Pods.view(state, pod, input.now)))

export const updatePod = (state: State, input: Input) =>
  Effect.gen(function*() {
    const pod = yield* known(state, input)
    const body = yield* readUpdate(input)
    yield* checkContainer(body, state)
    const { mounts } = body
    yield* refuseIf(mounts?.network?.length === 0, 400, "mounts.network cannot be emptied")
    yield* refuseIf(
      mounts !== undefined && (mounts.network === undefined) !== (pod.mounts.network === undefined),
      400,
      "a pod keeps the kind of storage it was made with"
    )
    yield* refuseIf(
      mounts?.network?.[0] !== undefined && mounts.network[0].volumeId !== pod.mounts.network?.[0]?.volumeId,
      400,
      "a pod keeps the network volume it was made with"
    )
    const from = yield* template(body.templateId === "" ? undefined : body.templateId, state)
    const { env, templateId: _, ...rest } = body
    const isExec = body.entrypoint !== undefined || body.cmd !== undefined
    const settings = from === undefined ? {} : {
      image: from.image,
      args: from.args,
      disk: from.disk,
      ports: from.ports,
      env: from.env,
      registry: from.registry
    }
    Object.assign(pod, settings, rest, env === undefined ? {} : { env: plainEnv(env) })
    if (isExec) pod.args = Pods.storedArgs(pod.entrypoint, pod.cmd)
    else if (body.args !== undefined || from !== undefined) Object.assign(pod, { entrypoint: null, cmd: null })
    Pods.changed(pod, input.now)
    return json(200, Pods.view(state, pod, input.now))
  })

/** Ends the pod, unless this delete is to be accepted and not done. */
const terminate = (state: State, pod: Pod, input: Input): Written => {
  if (state.ignoredDeletes > 0) state.ignoredDeletes -= 1
  else Pods.end(pod, input.now)
  return empty()
}

export const deletePod = (state: State, input: Input) =>
  Effect.map(known(state, input), (pod) => terminate(state, pod, input))

export const podAction = (state: State, input: Input) =>
  Effect.gen(function*() {
    const pod = yield* known(state, input)
    const { action } = yield* readAction(input)
    const status = Pods.statusOf(pod, input.now, state.settings)
    yield* refuseIf(!Pods.allows(status, action), 409, `action ${action} is not valid while the pod is ${status}`)
    yield* refuseIf(pod.locked && action === "stop", 409, "the pod is locked")
    if (action === "terminate") return terminate(state, pod, input)
    if (action === "stop") {
      pod.stoppedAt = input.now
      write(pod.log, "system", input.now, "stop container")
      Pods.changed(pod, input.now)
    } else if (action === "start") {
      // the machine is kept, so there is nothing to provision
      Pods.boot(pod, input.now, state.settings.starting, input.dice)
    } else {
      pod.runsAt = input.now
      write(pod.log, "system", input.now, "restart container")
    }
    return json(200, Pods.view(state, pod, input.now))
  })
