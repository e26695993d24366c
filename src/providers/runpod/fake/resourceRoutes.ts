/** Templates, network volumes, registry credentials and SSH keys over HTTP. */
import * as Effect from "effect/Effect"
import { UpdateNetworkVolumeRequest, UpdateTemplateRequest } from "../schema/changes.ts"
import { CreateRegistryRequest, UpdateSshKeysRequest } from "../schema/credentials.ts"
import { CreateNetworkVolumeRequest, CreateTemplateRequest } from "../schema/resources.ts"
import { dataCenters } from "./catalogData.ts"
import { type Input, plainEnv, reader, word } from "./input.ts"
import { networkVolume, noRate, setRate } from "./meter.ts"
import { page } from "./pages.ts"
import { isLive } from "./podStates.ts"
import { empty, json, refuse, refuseIf, type Written } from "./reply.ts"
import { nextSerial, type State, type StoredTemplate, type Volume } from "./state.ts"

const readCreateTemplate = reader(CreateTemplateRequest)
const readUpdateTemplate = reader(UpdateTemplateRequest)
const readCreateVolume = reader(CreateNetworkVolumeRequest)
const readUpdateVolume = reader(UpdateNetworkVolumeRequest)
const readRegistry = reader(CreateRegistryRequest)
const readKeys = reader(UpdateSshKeysRequest)

const idOf = (input: Input): string => input.params["id"] ?? ""

const ownTemplate = (state: State, input: Input): Effect.Effect<StoredTemplate, Written> => {
  const template = state.templates.get(idOf(input))
  return template === undefined ? refuse(404, "template not found") : Effect.succeed(template)
}

const templateView = ({ serial: _, ...template }: StoredTemplate): object => template

export const listTemplates = (state: State, input: Input) =>
  Effect.map(
    page(input, { list: "templates", ...state.settings }, state.templates.values()),
    ({ beside, entries }) => json(200, { templates: entries.map(templateView), ...beside })
  )

export const createTemplate = (state: State, input: Input) =>
  Effect.map(readCreateTemplate(input), (body) => {
    const template: StoredTemplate = {
      id: word(input.dice, 10),
      serial: nextSerial(state),
      name: body.name,
      image: body.image,
      args: body.args ?? "",
      disk: body.disk ?? 20,
      mounts: body.mounts ?? {},
      ports: body.ports ?? [],
      env: plainEnv(body.env ?? {}),
      registry: body.registry ?? null,
      serverless: body.serverless ?? false,
      public: body.public ?? false,
      category: body.category ?? "NVIDIA",
      startSsh: body.startSsh ?? true,
      startJupyter: body.startJupyter ?? true,
      allowedCudaVersions: body.allowedCudaVersions ?? []
    }
    state.templates.set(template.id, template)
    return json(201, templateView(template))
  })

export const getTemplate = (state: State, input: Input) =>
  Effect.map(ownTemplate(state, input), (template) => json(200, templateView(template)))

export const updateTemplate = (state: State, input: Input) =>
  Effect.gen(function*() {
    const template = yield* ownTemplate(state, input)
    const { cmd: _cmd, entrypoint: _entrypoint, env, ...body } = yield* readUpdateTemplate(input)
    const next = { ...template, ...body, ...(env === undefined ? {} : { env: plainEnv(env) }) }
    state.templates.set(template.id, next)
    return json(200, templateView(next))
  })

export const deleteTemplate = (state: State, input: Input) =>
  Effect.gen(function*() {
    const template = yield* ownTemplate(state, input)
    const users = Array.from(state.endpoints.values()).filter(({ spec }) => spec.templateId === template.id)
    yield* refuseIf(users.length > 0, 400, "template is in use")
    state.templates.delete(template.id)
    return empty()
  })

export const volume = (state: State, input: Input): Effect.Effect<Volume, Written> => {
  const found = state.volumes.get(idOf(input))
  return found === undefined || found.endedAt !== null ? refuse(404, "network volume not found") : Effect.succeed(found)
}

const volumeView = ({ dataCenter, id, name, size, type }: Volume): object => ({ id, name, size, dataCenter, type })

const meterVolume = (one: Volume, now: number): void =>
  setRate(one.meter, now, one.endedAt === null ? { ...noRate, disk: one.size * networkVolume } : noRate)

export const listNetworkVolumes = (state: State) =>
  Effect.sync(() => {
    const live = Array.from(state.volumes.values()).filter(({ endedAt }) => endedAt === null)
    return json(200, { networkVolumes: live.map(volumeView) })
  })

export const createNetworkVolume = (state: State, input: Input) =>
  Effect.gen(function*() {
    const body = yield* readCreateVolume(input)
    const center = dataCenters.find(({ id }) => id === body.dataCenter)
    const [standard] = center?.networkVolumeTypes ?? []
    const type = body.type ?? standard
    if (center === undefined || type === undefined || !center.networkVolumeTypes.includes(type)) {
      const able = dataCenters.filter(({ networkVolumeTypes }) => networkVolumeTypes.length > 0).map(({ id }) => id)
      return yield* refuse(400, `data center ${body.dataCenter} has no such storage; these have: ${able.join(", ")}`)
    }
    const made: Volume = {
      id: word(input.dice, 10),
      name: body.name,
      size: body.size,
      dataCenter: center.id,
      type,
      meter: [],
      endedAt: null
    }
    meterVolume(made, input.now)
    state.volumes.set(made.id, made)
    return json(201, volumeView(made))
  })

export const getNetworkVolume = (state: State, input: Input) =>
  Effect.map(volume(state, input), (found) => json(200, volumeView(found)))

export const updateNetworkVolume = (state: State, input: Input) =>
  Effect.gen(function*() {
    const found = yield* volume(state, input)
    const body = yield* readUpdateVolume(input)
    yield* refuseIf(body.size !== undefined && body.size < found.size, 400, "a network volume can only grow")
    Object.assign(found, body)
    meterVolume(found, input.now)
    return json(200, volumeView(found))
  })

export const deleteNetworkVolume = (state: State, input: Input) =>
  Effect.gen(function*() {
    const found = yield* volume(state, input)
    const isMounted = Array.from(state.pods.values()).some((pod) =>
      isLive(pod) && pod.mounts.network?.[0]?.volumeId === found.id
    )
    const isAttached = Array.from(state.endpoints.values()).some(({ spec }) => spec.networkVolumes?.includes(found.id))
    yield* refuseIf(isMounted || isAttached, 400, "network volume is in use")
    found.endedAt = input.now
    meterVolume(found, input.now)
    return empty()
  })

const registry = (state: State, input: Input): Effect.Effect<{ id: string; name: string }, Written> => {
  const id = idOf(input)
  const name = state.registries.get(id)
  return name === undefined ? refuse(404, "registry not found") : Effect.succeed({ id, name })
}

export const listRegistries = (state: State) =>
  Effect.sync(() => json(200, { registries: Array.from(state.registries, ([id, name]) => ({ id, name })) }))

/** User and password are not even remembered. */
export const createRegistry = (state: State, input: Input) =>
  Effect.map(readRegistry(input), ({ name }) => {
    const id = word(input.dice, 24)
    state.registries.set(id, name)
    return json(201, { id, name })
  })

export const getRegistry = (state: State, input: Input) =>
  Effect.map(registry(state, input), (found) => json(200, found))

export const deleteRegistry = (state: State, input: Input) =>
  Effect.gen(function*() {
    const { id } = yield* registry(state, input)
    const isUsed = Array.from(state.pods.values()).some((pod) => isLive(pod) && pod.registry === id)
    yield* refuseIf(isUsed, 400, "registry is in use")
    state.registries.delete(id)
    for (const template of state.templates.values()) {
      if (template.registry === id) state.templates.set(template.id, { ...template, registry: null })
    }
    return empty()
  })

export const getSshKeys = (state: State) => Effect.sync(() => json(200, { keys: state.sshKeys }))

export const updateSshKeys = (state: State, input: Input) =>
  Effect.map(readKeys(input), ({ keys }) => {
    state.sshKeys = keys
    return json(200, { keys })
  })
