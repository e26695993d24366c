/**
 * The credentials for image registries, as they are listed.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * A registry credential; what it holds never comes back.
 *
 * @category models
 * @since 0.1.0
 */
export const Registry = Schema.Struct({ id: Schema.String, name: Schema.String })

/**
 * @category models
 * @since 0.1.0
 */
export type Registry = typeof Registry.Type

/**
 * All registry credentials; this list has no pages.
 *
 * @category models
 * @since 0.1.0
 */
export const RegistryList = Schema.Struct({ registries: Schema.Array(Registry) })
