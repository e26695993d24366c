/**
 * What answers say of how a container is set up.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { maybe } from "./wire.ts"

/**
 * What every answer about a container may say.
 *
 * @category building blocks
 * @since 0.1.0
 */
export const containerAnswer = {
  image: maybe(Schema.String),
  args: maybe(Schema.String),
  entrypoint: maybe(Schema.Array(Schema.String)),
  cmd: maybe(Schema.Array(Schema.String)),
  disk: maybe(Schema.Finite),
  ports: maybe(Schema.Array(Schema.String)),
  env: maybe(Schema.Record(Schema.String, Schema.String)),
  registry: maybe(Schema.NullOr(Schema.String))
}

/**
 * Storage as an answer reports it.
 *
 * @category models
 * @since 0.1.0
 */
export const MountsAnswer = Schema.Struct({
  persistent: maybe(Schema.Struct({ size: maybe(Schema.Finite), path: maybe(Schema.String) })),
  network: maybe(Schema.Array(Schema.Struct({ volumeId: Schema.String, path: maybe(Schema.String) })))
})
