/**
 * What a program weighs that is bundled with RunPod, minified and gzipped: Effect included, without a transport; and a whole
 * program that rents a machine, with its transport and all that it runs on.
 *
 * The floor is what of Effect any such program needs: what stands above it is ours, and what of Effect our code needs beside.
 */
import { fileURLToPath } from "node:url"
import { gzipSync } from "node:zlib"
import { rolldown } from "rolldown"
import { sources } from "../../.config/sources.mjs"
import { exactly, hold } from "./bounds.ts"

interface Weighed {
  readonly name: string
  /** A file, or the text of a module. */
  readonly source: URL | string
  /** Kilobytes, gzipped. */
  readonly bound?: { readonly limit: number; readonly aim: number }
}

const weighed: ReadonlyArray<Weighed> = [
  {
    name: "the floor: effect + Schema + effect/http",
    source: `
      import * as Effect from "effect/Effect"
      import * as FetchHttpClient from "effect/http/FetchHttpClient"
      import * as HttpClient from "effect/http/HttpClient"
      import * as HttpClientResponse from "effect/http/HttpClientResponse"
      import * as Schema from "effect/Schema"
      const got = HttpClient.get("https://api.example.com").pipe(
        Effect.flatMap(HttpClientResponse.schemaBodyJson(Schema.Struct({ id: Schema.String }))),
        Effect.provide(FetchHttpClient.layer)
      )
      await Effect.runPromise(got)`
  },
  { name: "RunPodClient", source: "export * from \"effect-atlas/providers/RunPodClient\"" },
  { name: "its layer alone", source: "export { layer, RunPodClient } from \"effect-atlas/providers/RunPodClient\"" },
  {
    name: "RunPod bundled, min+gzip",
    source: "export * from \"effect-atlas/providers/RunPod\"",
    bound: { limit: 70, aim: 60 }
  },
  {
    name: "a program with RunPod bundled, min+gzip",
    source: new URL("./rentingProgram.ts", import.meta.url),
    bound: { limit: 78, aim: 70 }
  }
]

const entry = "\0entry"

const bundled = async (source: URL | string, external: ReadonlyArray<RegExp> = []): Promise<string> => {
  const bundle = await rolldown({
    input: typeof source === "string" ? entry : fileURLToPath(source),
    cwd: `${import.meta.dirname}/../..`,
    platform: "browser",
    external: [...external],
    plugins: [sources, {
      name: "entry",
      resolveId: (id) => (id === entry ? id : null),
      load: (id) => (id === entry && typeof source === "string" ? { code: source, moduleType: "ts" } : null)
    }]
  })
  const { output } = await bundle.generate({ format: "esm", minify: true })
  return output.map((one) => (one.type === "chunk" ? one.code : "")).join("")
}

const kilobytes = (bytes: number): string => `${(bytes / 1000).toFixed(1).padStart(6)} kB`

for (const { bound, name, source } of weighed) {
  const code = await bundled(source)
  const size = gzipSync(code).length
  // rolldown keeps them for a later bundling; a page or a worker that is deployed has no use for them
  const bare = gzipSync(code.replaceAll(/\/\* ?[@#]__PURE__ ?\*\//g, "")).length
  const own = gzipSync(await bundled(source, [/^effect(?:\/|$)/])).length
  console.log(
    `${name.padEnd(42)}${kilobytes(code.length)} minified,${kilobytes(size)} gzipped (${
      kilobytes(bare).trim()
    } without marks of purity),${kilobytes(own)} of it without Effect`
  )
  if (bound !== undefined) {
    hold({ path: name, against: null, unit: "kB", ...bound, rounds: exactly(Number((size / 1000).toFixed(1))) })
  }
}
