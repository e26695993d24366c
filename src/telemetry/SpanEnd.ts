/**
 * How a span of a call ends that did not succeed, as it may be exported.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type * as Tracer from "effect/Tracer"
import * as Attributes from "./Attributes.ts"
import { Expected } from "./Expected.ts"

/** Stands in spans for a defect, whose text may hold anything. */
const hiddenDefect = Cause.makeDieReason("a defect; its text is withheld, since it can hold anything")

/**
 * The cause as spans may keep it: without the text, the stack and the fields of a defect.
 *
 * @category causes
 * @since 0.1.0
 */
export const withoutDefects = <E>(cause: Cause.Cause<E>): Cause.Cause<E> =>
  Cause.fromReasons(cause.reasons.map((reason) => Cause.isDieReason(reason) ? hiddenDefect : reason))

/**
 * What a call that did not succeed is to its caller: `answered` with what {@link Expected} names, `interrupted` by the caller
 * or for it, or `failed`.
 *
 * @category models
 * @since 0.1.0
 */
export type Verdict =
  | { readonly _tag: "answered" }
  | { readonly _tag: "interrupted" }
  | { readonly _tag: "failed"; readonly kind: string | undefined }

/**
 * What a span tells of a failure. `AtlasError` is one of these.
 *
 * @category models
 * @since 0.1.0
 */
export interface Told {
  /** Left out of a span whose parent tells it. */
  readonly kind?: string | undefined
  readonly reason: { readonly _tag: string }
}

const answered: Verdict = { _tag: "answered" }
const interrupted: Verdict = { _tag: "interrupted" }

/**
 * Prepares the span of a call for its end: one that was answered ends here as a success, one that failed gets the kind of its
 * failure, and one with a defect ends here without the text of that.
 *
 * @category tracing
 * @since 0.1.0
 */
export const settle = <E>(
  fiber: Fiber.Fiber<unknown, unknown>,
  span: Tracer.Span,
  cause: Cause.Cause<E>,
  describe: (error: E) => Told
): Verdict => {
  const error = Option.getOrUndefined(Option.map(Cause.findErrorOption(cause), describe))
  const end = (exit: Exit.Exit<unknown, unknown>): void =>
    span.end(fiber.getRef(Clock.Clock).currentTimeNanosUnsafe(), exit)
  if (error !== undefined && isExpected(fiber, error.reason)) {
    if (error.kind !== undefined) span.attribute(Attributes.answer, error.kind)
    end(Exit.void)
    return answered
  }
  if (error === undefined && Cause.hasInterruptsOnly(cause)) return interrupted
  const kind = error === undefined ? "defect" : error.kind
  if (kind !== undefined) span.attribute(Attributes.errorKind, kind)
  if (Cause.hasDies(cause)) end(Exit.failCause(withoutDefects(cause)))
  return { _tag: "failed", kind }
}

const isExpected = (fiber: Fiber.Fiber<unknown, unknown>, { _tag }: { readonly _tag: string }): boolean => {
  const expected: ReadonlySet<string> = fiber.getRef(Expected)
  return expected.has(_tag)
}
