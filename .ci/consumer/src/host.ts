/**
 * An HTTP API that rents a machine for a caller and tells how it goes, as events of a stream.
 */
import { AtlasError, Compute } from "effect-atlas"
import { Orchestrator } from "effect-atlas/orchestrator"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as HttpApiSchema from "effect/http-api/HttpApiSchema"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"

const Rented = Schema.Struct({ session: Schema.String, compute: Schema.String })
const Seen = Schema.Struct({ status: Compute.ComputeStatus })

export class Api extends HttpApi.make("machines").add(
  HttpApiGroup.make("machines").add(
    HttpApiEndpoint.post("rent", "/machines", { success: Rented, error: AtlasError.AtlasError }),
    HttpApiEndpoint.get("watch", "/machines/:id", {
      params: { id: Schema.String },
      success: HttpApiSchema.StreamSse({ data: Seen }),
      error: AtlasError.AtlasError
    }),
    HttpApiEndpoint.delete("end", "/machines/:id", { params: { id: Schema.String }, error: AtlasError.AtlasError })
  )
) {}

const Handlers = HttpApiBuilder.group(
  Api,
  "machines",
  Effect.fnUntraced(function*(handlers) {
    const services = yield* Effect.context<Orchestrator.Orchestrator>()
    const orchestrator = Context.get(services, Orchestrator.Orchestrator)
    return handlers.handleAll({
      rent: () =>
        Effect.map(
          orchestrator.spawn({ image: "me/worker" }, { userId: "ada" }),
          ({ compute, id }) => ({ session: id, compute: compute.id })
        ),
      watch: ({ params }) => Effect.map(orchestrator.awaitReady(params.id), ({ status }) => Stream.make({ status })),
      end: ({ params }) => orchestrator.stopTracked(params.id)
    })
  })
)

export const layer = HttpApiBuilder.layer(Api).pipe(Layer.provide(Handlers))
