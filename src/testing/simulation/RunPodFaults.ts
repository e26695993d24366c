/**
 * What a simulated RunPod does wrong with one request, drawn from the fault profile: a fault of the fake's own script.
 *
 * @since 0.1.0
 */
import { type Fault, noCapacity } from "../../providers/runpod/FakeRunPod.ts"
import type { FaultProfile } from "./FaultProfile.ts"
import type * as Rng from "./Rng.ts"

/**
 * The calls an orchestrator makes.
 *
 * @category models
 * @since 0.1.0
 */
export type Operation = "createPod" | "listPods" | "getPod" | "deletePod"

/**
 * What goes wrong with one request.
 *
 * @category models
 * @since 0.1.0
 */
export interface Order {
  readonly fault: Fault | null
  /** It makes its machine long after its caller has given up. */
  readonly isLate: boolean
  /** Its answer is lost on the way back. */
  readonly isUnheard: boolean
  /** A delete that is answered and not done. */
  readonly isIgnored: boolean
  /** How long what it makes is missing from answers, in milliseconds. */
  readonly lag: number
  readonly lagHidesGet: boolean
}

/**
 * Nothing goes wrong.
 *
 * @category models
 * @since 0.1.0
 */
export const nothing: Order = {
  fault: null,
  isLate: false,
  isUnheard: false,
  isIgnored: false,
  lag: 0,
  lagHidesGet: false
}

/**
 * The answer is that something is broken.
 *
 * @category models
 * @since 0.1.0
 */
export const broken: Order = { ...nothing, fault: { _tag: "Refuse", status: 503 } }

/** Less than the settle window that RunPod's adapter promises. */
const mostLag = 4_500
/** Longer than the adapter waits for an answer. */
const tooLong = 40_000

/**
 * Draws what goes wrong with each request.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (rng: Rng.Rng, faultRates: () => FaultProfile) => {
  const trouble = (share: number): boolean => share > 0 && rng.chance(share)
  const form = () => rng.pick<"problem" | "html" | "text">("problem", "html", "text")

  const tooFast = (): Fault => {
    const isLong = trouble(faultRates().hours)
    return { _tag: "Refuse", status: 429, retryAfter: isLong ? 3_600 * (1 + rng.below(6)) : 1 + rng.below(5) }
  }

  /** No readable answer, before or after the request was carried out. */
  const unanswered = (acted: boolean): Fault =>
    rng.pick<() => Fault>(
      () => ({ _tag: "LoseAnswer", acted }),
      () => ({ _tag: "Hang", acted }),
      () => ({ _tag: "Refuse", status: rng.pick(500, 502, 503, 504), acted, form: form() })
    )()

  /** The request was carried out, and its answer cannot be read, or not in time. */
  const unreadable = (): Fault =>
    rng.pick<() => Fault>(
      () => ({ _tag: "Garble" }),
      () => ({ _tag: "WrongShape" }),
      () => ({ _tag: "Drip", every: 1_000 }),
      () => ({ _tag: "Delay", request: rng.below(mostLag), answer: tooLong })
    )()

  const refusal = (): Fault =>
    rng.pick<() => Fault>(
      () => ({ _tag: "NoCapacity", detail: rng.one(noCapacity) ?? noCapacity[0] }),
      () => ({ _tag: "NoCapacity", detail: rng.one(noCapacity) ?? noCapacity[0] }),
      () => ({ _tag: "Refuse", status: 403, form: form() }),
      () => ({ _tag: "Refuse", status: 422 })
    )()

  const create = (rates: FaultProfile): Partial<Order> => {
    if (trouble(rates.limit)) return { fault: tooFast() }
    if (trouble(rates.refuse)) return { fault: refusal() }
    const duplicate = (): Fault => ({ _tag: "Twin", apart: rng.below(mostLag) })
    if (!trouble(rates.lose)) return { fault: trouble(rates.duplicate) ? duplicate() : null }
    if (trouble(rates.late)) {
      return { fault: { _tag: "Delay", request: 15_000 + rng.below(600_000) }, isLate: true, isUnheard: true }
    }
    if (!rng.chance(0.7)) return { fault: unanswered(false) }
    if (trouble(rates.duplicate)) return { fault: duplicate(), isUnheard: true }
    return { fault: rng.chance(0.5) ? unanswered(true) : unreadable() }
  }

  const read = (share: number): Partial<Order> => {
    if (!trouble(share)) return {}
    return {
      fault: rng.pick<() => Fault>(tooFast, () => unanswered(false), () => unanswered(false), unreadable)()
    }
  }

  const list = (share: number): Partial<Order> => {
    const bad = read(share)
    if (bad.fault !== undefined || share === 0) return bad
    return { fault: rng.pick<Fault | null>(null, null, { _tag: "ShortPage" }) }
  }

  const remove = (rates: FaultProfile): Partial<Order> => {
    const isIgnored = trouble(rates.deleteIgnored)
    if (trouble(rates.deleteFails)) {
      return { isIgnored, fault: rng.chance(0.3) ? tooFast() : unanswered(rng.chance(0.4)) }
    }
    return trouble(rates.deleteSlow)
      ? { isIgnored, fault: { _tag: "Delay", request: rng.below(90_000) } }
      : { isIgnored }
  }

  return (operation: Operation): Order => {
    const rates = faultRates()
    switch (operation) {
      case "createPod":
        return {
          ...nothing,
          lag: trouble(0.5) ? rng.below(mostLag) : 0,
          lagHidesGet: rng.chance(0.5),
          ...create(rates)
        }
      case "listPods":
        return { ...nothing, ...list(rates.listFails) }
      case "getPod":
        return { ...nothing, ...read(rates.getFails) }
      case "deletePod":
        return { ...nothing, ...remove(rates) }
    }
  }
}
