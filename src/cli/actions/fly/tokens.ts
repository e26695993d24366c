/**
 * Where commands get Fly tokens from: every source, over the user's own files.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as FlyTokens from "../../../fly/FlyTokens.ts"
import * as TokenStorage from "../../../fly/TokenStorage.ts"
import { FlyTools } from "../../FlyTools.ts"

/** With `fallback` also over a temporary directory, where nothing outlives the run. */
export const layer = ({ fallback }: { readonly fallback: boolean }) =>
  Layer.unwrap(Effect.map(
    FlyTools,
    (tools) => FlyTokens.layerConfig.pipe(Layer.provide([TokenStorage.layerFile({ fallback }), tools]))
  ))
