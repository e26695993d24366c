/** The mock as most tests want it: the default provider of a registry, with its controls at hand. */
import { type AtlasError, type Provider, Providers } from "effect-atlas"
import * as MockProvider from "effect-atlas/providers/MockProvider"
import * as Layer from "effect/Layer"

export const layer = (
  options?: MockProvider.Options
): Layer.Layer<
  Providers.Providers | MockProvider.MockProvider | MockProvider.MockControls | Provider.Provider,
  AtlasError.AtlasError
> => {
  const mock = MockProvider.layer(options)
  return Layer.merge(Providers.layerDefault("mock", mock), mock)
}
