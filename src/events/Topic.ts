/**
 * A named channel and the schema of what goes over it.
 *
 * @since 0.1.0
 */
import type * as Schema from "effect/Schema"

/**
 * A topic: its name, and the schema that messages are encoded with where they leave the process.
 *
 * @category models
 * @since 0.1.0
 */
export interface Topic<A> {
  readonly name: string
  readonly schema: Schema.Codec<A, unknown>
}

/**
 * Names a channel.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <A>(name: string, schema: Schema.Codec<A, unknown>): Topic<A> => ({ name, schema })
