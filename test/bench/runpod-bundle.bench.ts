/**
 * What RunPod adds to a program that is bundled: Effect included, the transport excluded, minified and gzipped.
 */
import { gzipSync } from "node:zlib"
import { rolldown } from "rolldown"
import { sources } from "../../.config/sources.mjs"

const bound = 75_000

const contenders = {
  "effect/Schema and its fetch client": `
    import * as Effect from "effect/Effect"
    import * as FetchHttpClient from "effect/http/FetchHttpClient"
    import * as HttpClient from "effect/http/HttpClient"
    import * as HttpClientResponse from "effect/http/HttpClientResponse"
    import * as Schema from "effect/Schema"
    export const got = HttpClient.get("https://api.example.com").pipe(
      Effect.flatMap(HttpClientResponse.schemaBodyJson(Schema.Struct({ id: Schema.String }))),
      Effect.provide(FetchHttpClient.layer)
    )`,
  "effect-atlas/providers/RunPodClient": "export * from \"effect-atlas/providers/RunPodClient\"",
  "its layer alone": "export { layer, RunPodClient } from \"effect-atlas/providers/RunPodClient\"",
  "effect-atlas/providers/RunPod": "export * from \"effect-atlas/providers/RunPod\""
}

const entry = "\0entry"

const bundled = async (source: string, external: ReadonlyArray<RegExp> = []): Promise<string> => {
  const bundle = await rolldown({
    input: entry,
    cwd: `${import.meta.dirname}/../..`,
    platform: "browser",
    external: [...external],
    plugins: [sources, {
      name: "entry",
      resolveId: (id) => (id === entry ? id : null),
      load: (id) => (id === entry ? { code: source, moduleType: "ts" } : null)
    }]
  })
  const { output } = await bundle.generate({ format: "esm", minify: true })
  return output.map((one) => (one.type === "chunk" ? one.code : "")).join("")
}

const kilobytes = (bytes: number): string => `${(bytes / 1000).toFixed(1)} kB`

for (const [name, source] of Object.entries(contenders)) {
  const code = await bundled(source)
  // rolldown keeps them for a later bundling; a page or a worker that is deployed has no use for them
  const bare = code.replaceAll(/\/\* ?[@#]__PURE__ ?\*\//g, "")
  const own = await bundled(source, [/^effect\//])
  console.log(
    `${name.padEnd(38)} ${kilobytes(code.length).padStart(9)} minified, ${kilobytes(gzipSync(code).length)} gzipped (${
      kilobytes(gzipSync(bare).length)
    } without marks of purity), ${kilobytes(gzipSync(own).length)} of it without Effect`
  )
}
console.log(`bound for one provider: ${kilobytes(bound)} gzipped`)
