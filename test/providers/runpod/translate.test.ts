import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { Compute, PortBinding } from "../../../src/domain/Compute.ts"
import * as ComputeRequest from "../../../src/domain/ComputeRequest.ts"
import { GpuType } from "../../../src/domain/Gpu.ts"
import * as GpuCatalog from "../../../src/domain/GpuCatalog.ts"
import * as JsonBody from "../../../src/provider/JsonBody.ts"
import { classify } from "../../../src/providers/runpod/internal/edge.ts"
import { gpuNames } from "../../../src/providers/runpod/internal/gpuNames.ts"
import { podBody } from "../../../src/providers/runpod/internal/podBody.ts"
import { calls, PodFacts } from "../../../src/providers/runpod/internal/podFacts.ts"
import { rawOf } from "../../../src/providers/runpod/internal/raw.ts"
import { toCompute, toGpuTypes } from "../../../src/providers/runpod/internal/translate.ts"
import * as Wire from "../../../src/providers/runpod/RunPodSchema.ts"

const catalog = GpuCatalog.withNames(GpuCatalog.builtIn, "runpod", gpuNames)

const translated = (input: ComputeRequest.Input) => {
  const request = Effect.runSync(ComputeRequest.decode({ gpu: "h100", image: "me/server", ...input }))
  return podBody(request, { catalog, env: request.env, name: "atlas-adhoc-x-abcdefghijkl" })
}

const body = (input: ComputeRequest.Input): Readonly<Record<string, unknown>> =>
  Schema.decodeUnknownSync(Schema.Record(Schema.String, Schema.Unknown))(Result.getOrThrow(translated(input)).body)

const argsOf = (input: ComputeRequest.Input): string => {
  const { args } = body(input)
  return Redacted.isRedacted(args) ? String(Redacted.value(args)) : ""
}

const refusal = (input: ComputeRequest.Input) => Result.getOrThrow(Result.flip(translated(input)))

const paths = (input: ComputeRequest.Input): ReadonlyArray<string> => {
  const reason = refusal(input)
  return reason._tag === "Validation" ? reason.issues.map(({ path }) => path) : [reason._tag]
}

const podOf = (fields: object): PodFacts =>
  Schema.decodeUnknownSync(PodFacts)({ id: "pod1", name: "n", status: "RUNNING", ...fields })

const compute = (fields: object) => {
  const made = toCompute(podOf(fields), { id: "pod1", ...fields })
  assert.isNotNull(made)
  return made
}

describe("the body of a create", () => {
  it("says what live use showed to be needed: a disk, and how many GPUs", () => {
    assert.deepStrictEqual(body({}), {
      name: "atlas-adhoc-x-abcdefghijkl",
      image: "me/server",
      gpu: { id: "NVIDIA H100 80GB HBM3", count: 1 },
      disk: 50,
      ports: [],
      env: { ATLAS_COMPUTE_NAME: "atlas-adhoc-x-abcdefghijkl" }
    })
    assert.deepStrictEqual(body({ gpuCount: 4 })["gpu"], { id: "NVIDIA H100 80GB HBM3", count: 4 })
  })

  it("names a cloud only when one was asked for", () => {
    assert.notProperty(body({ cloudType: "any" }), "cloud")
    assert.strictEqual(body({ cloudType: "secure" })["cloud"], "SECURE")
    assert.strictEqual(body({ cloudType: "community" })["cloud"], "COMMUNITY")
  })

  it("leaves disk and ports to a template, unless they were asked for", () => {
    const bare = body({ templateId: "t1", image: null })
    assert.deepStrictEqual(Object.keys(bare).toSorted(), ["gpu", "name", "templateId"])
    const own = body({ templateId: "t1", containerDiskGb: 7, ports: ["80"] })
    assert.strictEqual(own["disk"], 7)
    assert.deepStrictEqual(own["ports"], ["80/http"])
  })

  it("mounts either kind of storage at /workspace, and refuses both at once", () => {
    assert.deepStrictEqual(body({ volumeGb: 20 })["mounts"], { persistent: { size: 20, path: "/workspace" } })
    assert.deepStrictEqual(body({ networkVolumeId: "v1" })["mounts"], {
      network: [{ volumeId: "v1", path: "/workspace" }]
    })
    assert.deepStrictEqual(paths({ volumeGb: 20, networkVolumeId: "v1" }), ["networkVolumeId"])
    assert.deepStrictEqual(paths({ volumeGb: 9 }), ["volumeGb"])
    assert.deepStrictEqual(
      paths({ volumeGb: 20, providerOpts: { mounts: { network: [{ volumeId: "v", path: "/x" }] } } }),
      ["providerOpts.mounts"]
    )
  })

  it("asks for symmetric tcp ports by numbers above 70000, and has none for http", () => {
    const ports = [
      { port: 22, protocol: "tcp", symmetric: true },
      "8000/http",
      { port: 5000, protocol: "tcp", symmetric: true }
    ] as const
    assert.deepStrictEqual(body({ ports })["ports"], ["70001/tcp", "8000/http", "70002/tcp"])
    assert.deepStrictEqual(paths({ ports: [{ port: 80, symmetric: true }] }), ["ports[0].symmetric"])
  })

  it("keeps environment values redacted, and prefers regions in the given order", () => {
    const { env, dataCenterIds } = body({ env: { A: "secret" }, regionHints: ["EU-RO-1", "US-KS-2"] })
    assert.deepStrictEqual(env, { A: Redacted.make("secret"), ATLAS_COMPUTE_NAME: "atlas-adhoc-x-abcdefghijkl" })
    assert.deepStrictEqual(dataCenterIds, ["EU-RO-1", "US-KS-2"])
  })

  it("runs a command as it is unless it is to end its pod", () => {
    assert.strictEqual(argsOf({ command: ["a", "b c"], selfTerminate: false }), "'a' 'b c'")
    assert.match(argsOf({ command: ["a"] }), /^'sh' '-c' '[^']*DELETE[^']*' 'atlas' 'atlas-adhoc-x-abcdefghijkl' 'a'$/)
    assert.notProperty(body({ command: [] }), "args")
  })

  it("lays providerOpts over the body field by field, and never over name or env", () => {
    const merged = body({ providerOpts: { gpu: { minCudaVersion: "12.8" }, startSsh: true, disk: 10 } })
    assert.deepStrictEqual(merged["gpu"], { id: "NVIDIA H100 80GB HBM3", count: 1, minCudaVersion: "12.8" })
    assert.isTrue(merged["startSsh"])
    assert.strictEqual(merged["disk"], 10)
    assert.deepStrictEqual(paths({ providerOpts: { name: "x" } }), ["providerOpts.name"])
    assert.throws(() => body({ providerOpts: { env: { A: "x" } } }))
  })

  it("a field of providerOpts that RunPod lacks is named where the caller wrote it", () => {
    assert.deepStrictEqual(paths({ providerOpts: { disc: 10 } }), ["providerOpts.disc"])
    assert.deepStrictEqual(paths({ providerOpts: { gpu: { cuda: "12" } } }), ["providerOpts.gpu.cuda"])
    assert.deepStrictEqual(paths({ providerOpts: JSON.parse("{\"__proto__\": {\"disk\": 1}}") }), [
      "providerOpts.__proto__"
    ])
  })

  it("a GPU RunPod lacks, no image, no GPU and spot are refused with the field", () => {
    assert.deepStrictEqual(paths({ gpu: "gh200" }), ["gpu"])
    assert.include(refusal({ gpu: "gh200" }).message, "h100_pcie")
    assert.deepStrictEqual(paths({ image: null }), ["image"])
    assert.deepStrictEqual(paths({ gpu: null }), ["gpu"])
    const spot = refusal({ spot: true })
    assert.strictEqual(spot._tag === "Unsupported" && spot.capability, "spot")
  })

  it("a GPU outside the catalog goes by RunPod's own name, a pod without one by its CPU flavor", () => {
    assert.deepStrictEqual(body({ gpu: null, gpuCount: 2, providerOpts: { gpu: { id: "NVIDIA B200" } } })["gpu"], {
      id: "NVIDIA B200",
      count: 2
    })
    const cpu = { id: "cpu3c", vcpuCount: 4 }
    const pod = body({ gpu: null, providerOpts: { cpu } })
    assert.notProperty(pod, "gpu")
    assert.deepStrictEqual(pod["cpu"], cpu)
    assert.deepStrictEqual(paths({ providerOpts: { cpu } }), ["gpu"])
  })

  const some = <A extends Schema.Constraint>(schema: A) => Schema.optionalKey(Schema.NullOr(schema))
  const amount = Schema.Literals([1, 10, 80, Number.MAX_SAFE_INTEGER])
  const AnyRequest = Schema.Struct({
    image: some(Schema.Literals(["me/server", " "])),
    templateId: some(Schema.Literals(["t1", "\t"])),
    gpu: Schema.Literals(["h100", "NVIDIA L40S"]),
    gpuCount: Schema.optionalKey(amount),
    cloudType: Schema.optionalKey(Schema.Literals(["any", "secure", "community"])),
    regionHints: Schema.optionalKey(Schema.Array(Schema.Literals(["EU-RO-1", "?"]))),
    ports: Schema.optionalKey(Schema.Literals(["22/tcp", "8000/http", "65535"]).pipe((port) => Schema.Tuple([port]))),
    env: Schema.optionalKey(Schema.Record(Schema.Literals(["A", "b.c-d"]), Schema.Literals(["", "\u2028", "value"]))),
    volumeGb: some(amount),
    containerDiskGb: some(amount),
    networkVolumeId: some(Schema.Literals(["v1"])),
    command: some(Schema.Array(Schema.Literals(["", "'", "sleep"]))),
    selfTerminate: Schema.optionalKey(Schema.Boolean)
  })

  it.effect.prop(
    "without providerOpts any body is as RunPod documents it, although no schema has seen it",
    [AnyRequest],
    ([input]) =>
      Effect.gen(function*() {
        const request = yield* ComputeRequest.decode(input)
        const made = podBody(request, { catalog, env: request.env, name: "atlas-adhoc-x-abcdefghijkl" })
        if (Result.isFailure(made)) return
        // sealed by then: its secret texts are redacted
        const open = Object.entries(made.success.body ?? {}).map(([field, value]: [string, unknown]) =>
          [field, Redacted.isRedacted(value) ? Redacted.value(value) : value] as const
        )
        const checked = JsonBody.check(calls.createPod.request, "body")(Object.fromEntries(open))
        assert.isTrue(Result.isSuccess(checked), String(Result.merge(checked)))
      }),
    { arbitrary: { runs: 300 } }
  )

  it("a body above 102,400 bytes names the field that fills it", () => {
    assert.deepStrictEqual(paths({ env: { BIG: "x".repeat(102_400) } }), ["env"])
    assert.deepStrictEqual(paths({ command: ["x".repeat(102_400)] }), ["command"])
    assert.isTrue(Result.isSuccess(translated({ env: { BIG: "x".repeat(101_000) } })))
  })
})

describe("a pod as a compute", () => {
  const statuses = [
    ["RUNNING", "running"],
    ["EXITED", "stopped"],
    ["TERMINATED", "terminated"],
    ["ERROR", "failed"],
    ["PROVISIONING", "provisioning"],
    ["STARTING", "provisioning"],
    ["HIBERNATING", "provisioning"],
    ["toString", "provisioning"]
  ] as const
  it.each(statuses)("%s reads as %s", (status, expected) => {
    assert.strictEqual(compute({ status }).status, expected)
  })

  it("has its http address at once, and tcp ones as soon as they are mapped", () => {
    const ports = ["8000/http", "8443/https", "22/tcp", "53/udp", "nonsense", "http"]
    const shown = (fields: object) => compute({ ports, ...fields }).ports.map((port): object => ({ ...port }))
    const http = [8000, 8443].map((internal) => ({
      internal,
      external: null,
      protocol: "http",
      url: `https://pod1-${internal}.proxy.runpod.net`
    }))
    assert.deepStrictEqual(shown({ runtime: null }), [
      ...http,
      { internal: 22, external: null, protocol: "tcp", url: null },
      { internal: 53, external: null, protocol: "tcp", url: null }
    ])
    const runtime = { ports: [{ private: 22, public: 34446, type: "tcp", ip: "203.0.113.7" }] }
    assert.deepStrictEqual(shown({ runtime }), [
      ...http,
      { internal: 22, external: 34446, protocol: "tcp", url: "tcp://203.0.113.7:34446" },
      { internal: 53, external: null, protocol: "tcp", url: null }
    ])
    assert.strictEqual(compute({ ports, runtime }).publicIp, "203.0.113.7")
  })

  it("a symmetric port is the one it got, once it got one", () => {
    const ports = ["70001/tcp", "22/tcp"]
    assert.strictEqual(compute({ ports }).ports[0]?.internal, 70_001)
    const [symmetric, plain] = compute({
      ports,
      runtime: {
        ports: [
          { private: 22, public: 22, type: "tcp", ip: "203.0.113.7" },
          { private: 10_321, public: 10_321, type: "tcp", ip: "203.0.113.7" }
        ]
      }
    }).ports
    assert.strictEqual(symmetric?.internal, 10_321)
    assert.strictEqual(symmetric?.url, "tcp://203.0.113.7:10321")
    assert.strictEqual(plain?.external, 22)
  })

  it("was made when it started, or else when it was created", () => {
    const createdAt = "2026-11-20T09:00:00Z"
    assert.strictEqual(compute({ createdAt, startedAt: null }).toJSON().createdAt, "2026-11-20T09:00:00.000Z")
    const startedAt = "2026-11-20T09:01:40Z"
    assert.strictEqual(compute({ createdAt, startedAt }).toJSON().createdAt, "2026-11-20T09:01:40.000Z")
    assert.isNull(compute({ createdAt: "yesterday" }).createdAt)
  })

  it("a field of the wrong type reads as absent", () => {
    const pod = compute({ cost: "3.49", gpu: "H100", image: 7, dataCenterId: {}, runtime: [], ports: "8000/http" })
    assert.deepStrictEqual(
      [pod.costPerHour, pod.gpuType, pod.gpuCount, pod.image, pod.region, pod.ports],
      [null, null, 1, null, null, []]
    )
    assert.isNull(compute({ cost: -1 }).costPerHour)
    const nameless = compute({ name: null, status: 7 })
    assert.deepStrictEqual([nameless.name, nameless.status], [null, "provisioning"])
  })

  it("keeps RunPod's body, unknown fields too, but no environment, no command and no credential", () => {
    const body = {
      id: "pod1",
      novelty: [1, { env: { A: "s" }, kept: true }],
      env: { A: "s" },
      args: "--key s",
      template: { env: { B: "s" }, cmd: ["s"], entrypoint: ["s"] },
      // nothing that RunPod has today, named as it would be
      jupyter: { "jupyter-token": "s", JUPYTER_PASSWORD: "s", tokens: 3 },
      apiKey: "s",
      dockerArgs: "--key s"
    }
    assert.deepStrictEqual(rawOf(body), {
      id: "pod1",
      novelty: [1, { kept: true }],
      template: {},
      jupyter: { tokens: 3 }
    })
  })

  it("a field that would stand behind the body, and not in it, is left out", () => {
    const raw = rawOf(JSON.parse("{\"id\": \"pod1\", \"__proto__\": {\"status\": \"RUNNING\"}}"))
    assert.deepStrictEqual(raw, { id: "pod1" })
    assert.strictEqual(Object.getPrototypeOf(raw), Object.prototype)
  })

  it("an id that could not be asked for again is no compute", () => {
    assert.isNull(toCompute(podOf({ id: "../pods" }), {}))
  })

  /** Pods with anything at all in the fields that are read. */
  const AnyPod = Schema.Struct({
    id: Schema.Literals(["pod1", "../pods"]),
    name: Schema.optionalKey(Schema.Json),
    status: Schema.optionalKey(Schema.Union([Wire.Pod.fields.status, Schema.Json])),
    image: Schema.optionalKey(Schema.Json),
    env: Schema.optionalKey(Schema.Json),
    ports: Schema.optionalKey(
      Schema.Union([Schema.Array(Schema.Literals(["8000/http", "22/tcp", "70001/tcp", "x"])), Schema.Json])
    ),
    gpu: Schema.optionalKey(
      Schema.Union([Schema.Struct({ id: Schema.Json, count: Schema.Union([Schema.Finite, Schema.Json]) }), Schema.Json])
    ),
    cpu: Schema.optionalKey(Schema.Json),
    dataCenterId: Schema.optionalKey(Schema.Json),
    cost: Schema.optionalKey(Schema.Union([Schema.Finite, Schema.Json])),
    runtime: Schema.optionalKey(
      Schema.Union([
        Schema.Struct({
          ports: Schema.Array(
            Schema.Struct({
              private: Schema.Literals([22, 70_001, 1.5]),
              public: Schema.Union([Schema.Finite, Schema.Json]),
              ip: Schema.Union([Schema.String, Schema.Json])
            })
          )
        }),
        Schema.Json
      ])
    ),
    createdAt: Schema.optionalKey(Schema.Json),
    startedAt: Schema.optionalKey(Schema.Union([Schema.Literal("2026-11-20T09:00:00Z"), Schema.Json]))
  })

  it.effect.prop(
    "whatever stands in a pod, what is read of it is what the whole schema reads, and its compute passes every check",
    [AnyPod],
    ([body]) =>
      Effect.sync(() => {
        const read = Schema.decodeUnknownSync(PodFacts)(body)
        const made = toCompute(read, body)
        const whole = toCompute(Schema.decodeUnknownSync(Wire.Pod)(body), body)
        assert.deepStrictEqual(made, whole)
        // its constructor was not run: this one runs all checks, of its ports too
        if (made !== null) assert.deepStrictEqual(made, Schema.decodeSync(Schema.toType(Compute))(new Compute(made)))
        if (made !== null) made.ports.forEach((port) => new PortBinding(port))
      }),
    { arbitrary: { runs: 500 } }
  )

  it("one odd field in a pod that is plain otherwise reads as the whole schema reads it", () => {
    const port = { private: 22, public: 13_007, type: "tcp", ip: "203.0.113.7" }
    const gpu = { id: "NVIDIA L4", count: 1 }
    const plain = {
      id: "pod1",
      name: "n",
      status: "RUNNING",
      image: "me/server",
      ports: ["22/tcp"],
      env: { ATLAS_COMPUTE_NAME: "atlas-adhoc-web-abcdefghijkl" },
      gpu,
      cpu: { id: "cpu3c" },
      dataCenterId: "EU-RO-1",
      cost: 2.5,
      runtime: { ports: [port] },
      createdAt: "2026-11-20T09:00:00Z",
      startedAt: "2026-11-20T09:00:00Z"
    }
    const odd = [7, "x", true, null, [], [7], ["x", 7], {}, { id: 7 }, { a: 7 }, { ports: 7 }, { ports: [7] }]
    const oneOdd = <A extends object>(fields: A): ReadonlyArray<A> =>
      Object.keys(fields).flatMap((key) => odd.map((value) => ({ ...fields, [key]: value })))
    const pods: ReadonlyArray<object> = [
      plain,
      ...oneOdd(plain),
      ...oneOdd(port).map((one) => ({ ...plain, runtime: { ports: [one] } })),
      ...oneOdd(gpu).map((one) => ({ ...plain, gpu: one }))
    ]
    const idOf = (pod: object): boolean => typeof Reflect.get(pod, "id") === "string"
    for (const body of pods.filter(idOf)) {
      assert.deepStrictEqual(
        toCompute(Schema.decodeUnknownSync(PodFacts)(body), body),
        toCompute(Schema.decodeUnknownSync(Wire.Pod)(body), body),
        JSON.stringify(body)
      )
    }
    assert.isTrue(pods.filter((pod) => !idOf(pod)).every((pod) => !Schema.is(PodFacts)(pod)))
  })

  it.effect.prop(
    "any pod reads as a compute that survives its own codec",
    [Wire.Pod],
    ([pod]) =>
      Effect.gen(function*() {
        const made = toCompute(pod, pod)
        if (made === null) return
        const copy = yield* Schema.decodeEffect(Compute)(yield* Schema.encodeEffect(Compute)(made))
        assert.deepStrictEqual(copy.toJSON(), made.toJSON())
      })
  )
})

describe("GPU types", () => {
  const entry = (fields: object) => {
    const body = {
      id: "NVIDIA H100 80GB HBM3",
      name: "H100 SXM",
      memory: 80,
      secure: true,
      community: true,
      price: { secure: 3.49, community: 2.69 },
      availability: "LOW",
      ...fields
    }
    return { entry: Schema.decodeSync(Wire.GpuType)(body), body }
  }
  const one = (secure: object | null, community: object | null) =>
    toGpuTypes(
      catalog,
      secure === null ? [] : [entry(secure)],
      community === null ? [] : [entry(community)]
    )[0]

  it("one entry for both clouds: the lower price, the better stock, the canonical name", () => {
    const type = one({}, { availability: "HIGH" })
    assert.deepStrictEqual(type?.toJSON(), {
      id: "NVIDIA H100 80GB HBM3",
      provider: "runpod",
      canonical: "h100",
      displayName: "H100 SXM",
      memoryGb: 80,
      lowestPricePerHour: 2.69,
      spotPricePerHour: null,
      stock: "high",
      cloudType: "any",
      clouds: [
        { cloudType: "secure", pricePerHour: 3.49, stock: "low" },
        { cloudType: "community", pricePerHour: 2.69, stock: "high" }
      ]
    })
  })

  it("the price and the stock of a cloud that does not sell it do not count", () => {
    const only = { community: false, price: { secure: 3.49, community: 0 } }
    const type = one(only, { ...only, availability: "HIGH" })
    assert.deepStrictEqual([type?.lowestPricePerHour, type?.stock, type?.cloudType], [3.49, "low", "secure"])
  })

  it("on neither cloud it has no price and is unavailable", () => {
    const none = { secure: false, community: false }
    const type = one(none, none)
    assert.deepStrictEqual([type?.lowestPricePerHour, type?.stock, type?.cloudType], [null, "unavailable", "any"])
  })

  it("NONE is unavailable, and an unknown word is unknown", () => {
    assert.strictEqual(one({ availability: "NONE" }, { availability: "NONE" })?.stock, "unavailable")
    assert.strictEqual(one({ availability: "PLENTY" }, { availability: "NONE" })?.stock, "unknown")
  })

  it("the placeholder for unknown machines is no GPU", () => {
    assert.deepStrictEqual(toGpuTypes(catalog, [entry({ id: "unknown", memory: 0 })], []), [])
  })

  it.effect.prop(
    "any entry reads as a GPU type that survives its own codec",
    [Wire.GpuType],
    ([wire]) =>
      Effect.gen(function*() {
        for (const type of toGpuTypes(catalog, [{ entry: wire, body: wire }], [])) {
          const copy = yield* Schema.decodeEffect(GpuType)(yield* Schema.encodeEffect(GpuType)(type))
          assert.deepStrictEqual(copy.toJSON(), type.toJSON())
        }
      })
  )
})

describe("what a refusal means", () => {
  const refused = (status: number, message: string) => classify({ status, message, body: null, raw: null })

  const soldOut = [
    "There are no longer any instances available with the requested specifications. Please refresh and try again.",
    "There are no instances currently available.",
    "This machine does not have the resources to deploy your pod. Please try a different machine",
    "could not find any pods with required specifications",
    "There are no longer any instances available with enough disk space."
  ]
  it.each(soldOut)("no capacity: %s", (message) => {
    assert.strictEqual(refused(400, message)?._tag, "NoCapacity")
    assert.strictEqual(refused(400, message.toUpperCase())?._tag, "NoCapacity")
  })

  it("any other bad request is no want of machines", () => {
    assert.isUndefined(refused(400, "exactly one of gpu and cpu must be set"))
    assert.isUndefined(refused(404, soldOut[0] ?? ""))
    assert.isUndefined(refused(200, soldOut[0] ?? ""))
  })

  it("402 says in its own words that there is no money", () => {
    const reason = refused(402, "")
    assert.strictEqual(reason?._tag === "ProviderFault" && reason.code, "insufficient_balance")
    assert.include(reason?.message, "balance of the RunPod account is too low")
    assert.isFalse(reason?.isRetryable)
  })

  it("of a violated contract only what is missing is said, not what the validator makes of it", () => {
    const message = "Request validation failed. [$: missing property 'dataCenter'; "
      + "$: additional properties 'name', 'size' not allowed]"
    assert.strictEqual(refused(422, message)?.message, "Request validation failed. [$: missing property 'dataCenter']")
    assert.strictEqual(refused(422, "Request validation failed. [a; b]")?.message, "Request validation failed. [a; b]")
  })
})
