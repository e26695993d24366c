/**
 * The errors of an endpoint of an `HttpApi`: the library's one error, answered with the HTTP status of its reason.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"

/**
 * The class of an error that wraps a reason: `AtlasError`, or one like it.
 *
 * @category models
 * @since 0.1.0
 */
export interface ErrorClass<E extends { readonly httpStatus: number }, Encoded> extends Schema.Codec<E, Encoded> {
  readonly fields: { readonly reason: { readonly members: ReadonlyArray<Schema.Constraint> } }
}

const statusOf = SchemaAST.resolveAt<number>("httpApiStatus")

/**
 * One schema of an error for each HTTP status that its reasons have, for the `error` of an endpoint. A schema has one status, so
 * with `error: AtlasError` alone every failure would be a 500.
 *
 * **Details**
 *
 * The status says what the failure means to the caller of the host: `Validation` 422, `NotFound` and `NotTracked` 404, `Ended` 410,
 * `RateLimited` 429, `BudgetExceeded` 402, `Unsupported` 501, `NoCapacity` 503, `Timeout` 504, `StorageFault` 500, and 502 for what
 * went wrong at the cloud. A cloud that refuses the host's own key is among these: it is no 401 of the host's caller.
 *
 * **Gotchas**
 *
 * The whole error is sent, the provider's own words and body (`raw`) included, though never a credential. Where callers are to know less,
 * map it to an error of your own.
 *
 * **Example** (An endpoint that fails as the library does)
 *
 * ```ts
 * import { Atlas, AtlasError, Compute, HttpErrors } from "effect-atlas"
 * import * as HttpApi from "effect/http-api/HttpApi"
 * import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
 * import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
 * import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
 * import * as Schema from "effect/Schema"
 *
 * const api = HttpApi.make("host").add(
 *   HttpApiGroup.make("machines").add(
 *     HttpApiEndpoint.get("machine", "/machines/:id", {
 *       params: { id: Schema.String },
 *       success: Compute.Compute,
 *       error: HttpErrors.of(AtlasError.AtlasError)
 *     })
 *   )
 * )
 *
 * const handlers = HttpApiBuilder.group(api, "machines", (group) =>
 *   group.handle("machine", ({ params }) => Atlas.getCompute(params.id)))
 * ```
 *
 * @category http
 * @since 0.1.0
 */
export const of = <E extends { readonly httpStatus: number }, Encoded>(
  error: ErrorClass<E, Encoded>
): ReadonlyArray<Schema.Codec<E, Encoded>> => {
  const statuses = new Set(error.fields.reason.members.map(({ ast }) => statusOf(ast) ?? 500))
  return Array.from(
    statuses,
    (status) =>
      error.check(Schema.makeFilter(({ httpStatus }: E) => httpStatus === status)).annotate({ httpApiStatus: status })
  )
}
