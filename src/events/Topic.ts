/**
 * A named channel and the schema of its messages.
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
 * A topic of this name and schema.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <A>(name: string, schema: Schema.Codec<A, unknown>): Topic<A> => ({ name, schema })
