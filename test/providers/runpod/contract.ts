/**
 * RunPod's published document, made to say what live use and later revisions of it say, and validators from it.
 */
import { assert } from "@effect/vitest"
import addFormats from "ajv-formats"
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js"
import { existsSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import type { Got } from "./fakeHarness.ts"

/** It lies beside this checkout; where it does not, tests against it are skipped and say so. */
export const path = process.env["RUNPOD_OPENAPI"]
  ?? fileURLToPath(new URL("../../../../shared/providers/openapi/runpod-v2.json", import.meta.url))

export const isThere = existsSync(path)

/** Calls of the document that nothing here makes, and why. */
export const exceptions: Readonly<Record<string, string>> = {
  listClusters: "clusters are machines that work as one; nothing here rents those",
  createCluster: "clusters",
  getCluster: "clusters",
  updateCluster: "clusters",
  deleteCluster: "clusters",
  listClusterPods: "clusters",
  listDelegations: "delegations let RunPod read an AWS registry; credentials do the same for any registry",
  createDelegation: "delegations",
  revokeDelegation: "delegations"
}

type Json = null | boolean | number | string | ReadonlyArray<Json> | { readonly [key: string]: Json }

const at = (value: unknown, ...keys: ReadonlyArray<string>): unknown =>
  keys.reduce<unknown>(
    (here, key) => typeof here === "object" && here !== null ? Reflect.get(here, key) : undefined,
    value
  )

const keysOf = (value: unknown): ReadonlyArray<string> =>
  typeof value === "object" && value !== null ? Object.keys(value) : []

/** What later revisions of the document and live answers have that the saved one lacks. */
const patched = (document: unknown): unknown => {
  const schemas = at(document, "components", "schemas")
  const put = (owner: unknown, key: string, value: Json) => {
    assert.isObject(owner, `nothing to put ${key} into`)
    Reflect.set(Object(owner), key, value)
  }
  const exec = { type: "array", items: { type: "string" } }
  put(at(schemas, "BaseContainerConfig", "properties"), "entrypoint", exec)
  put(at(schemas, "BaseContainerConfig", "properties"), "cmd", exec)
  put(at(schemas, "CreateGpuConfig", "allOf", "1", "properties"), "minRamPerGpu", { type: "integer", minimum: 1 })
  put(at(schemas, "CreateGpuConfig", "allOf", "1", "properties"), "minVcpuCountPerGpu", { type: "integer", minimum: 1 })
  put(at(schemas, "Pod", "allOf", "1", "properties", "gpu", "allOf", "0"), "required", ["id", "vcpuCount", "memory"])
  const pagination = {
    type: "object",
    required: ["nextCursor", "hasNextPage"],
    properties: { nextCursor: { type: ["string", "null"] }, hasNextPage: { type: "boolean" } }
  }
  const paged = {
    ListPodsResponse: "pods",
    ListEndpointsResponse: "endpoints",
    ListEndpointReleasesResponse: "releases",
    ListTemplatesResponse: "templates"
  }
  for (const [name, list] of Object.entries(paged)) {
    put(at(schemas, name, "properties"), "pagination", pagination)
    // public templates share a schema with one's own and have no pages
    if (list !== "templates") put(at(schemas, name), "required", [list, "pagination"])
  }
  // its own examples have {job_id} in them, which a plain URI cannot
  for (const url of ["status", "stream", "cancel", "retry"]) {
    put(at(schemas, "QueueBasedRequestUrls", "properties", url), "format", "uri-template")
  }
  // the same meaning in a place where ajv does not lose what the rest has evaluated: else it refuses the document's own
  // examples
  for (const name of ["CreateEndpointRequest", "CreatePodRequest"]) {
    const schema = at(schemas, name)
    const all = at(schema, "allOf")
    const rule = Object.entries(Object(schema)).filter(([key]) => key === "if" || key === "then")
    put(schema, "allOf", [...(Array.isArray(all) ? all : []), Object.fromEntries(rule)])
    for (const [key] of rule) Reflect.deleteProperty(Object(schema), key)
  }
  return document
}

const pointer = (...keys: ReadonlyArray<string>): string =>
  `runpod#/${keys.map((key) => encodeURIComponent(key.replaceAll("~", "~0").replaceAll("/", "~1"))).join("/")}`

export const contract = () => {
  const document = patched(JSON.parse(readFileSync(path, "utf8")))
  const ajv = new Ajv2020({ strict: false, allErrors: true })
  addFormats.default(ajv)
  ajv.addSchema(Object(document), "runpod")
  const compiled = new Map<string, ValidateFunction>()
  const validator = (ref: string): ValidateFunction => {
    const known = compiled.get(ref) ?? ajv.compile({ $ref: ref })
    compiled.set(ref, known)
    return known
  }
  const check = (ref: string, value: unknown): string | null => {
    const validate = validator(ref)
    return validate(value) ? null : ajv.errorsText(validate.errors)
  }
  const paths = at(document, "paths")
  const calls = keysOf(paths).flatMap((template) =>
    keysOf(at(paths, template)).flatMap((method) => {
      const id = at(paths, template, method, "operationId")
      return typeof id === "string" ? [{ id, template, method }] : []
    })
  )
  /** A reference may lead elsewhere, such as to the shared refusals. */
  const responseOf = (template: string, method: string, status: number): ReadonlyArray<string> => {
    const responses = at(paths, template, method, "responses")
    const key = keysOf(responses).includes(String(status)) ? String(status) : "default"
    const reference = at(responses, key, "$ref")
    return typeof reference === "string"
      ? reference.slice(2).split("/")
      : ["paths", template, method, "responses", key]
  }
  const answer = (template: string, method: string, got: Got): string | null => {
    const response = responseOf(template, method, got.status)
    const types = keysOf(at(document, ...response, "content"))
    const type = (got.headers["content-type"] ?? "").split(";")[0] ?? ""
    if (types.length === 0) return got.text === "" ? null : "a body where none is documented"
    if (!types.includes(type)) return `${type} instead of ${types.join(" or ")}`
    return type === "text/event-stream" ? null : check(pointer(...response, "content", type, "schema"), got.json)
  }
  const request = (template: string, method: string, body: unknown): string | null =>
    check(pointer("paths", template, method, "requestBody", "content", "application/json", "schema"), body)
  return { calls, answer, request }
}
