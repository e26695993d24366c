/**
 * What many stored sessions have alike is held once, whatever store they were read from.
 */
import type { SessionState } from "../session/State.ts"

/** Different values of a kind that are remembered; then all are forgotten. */
const mostShared = 256

/** Answers the first value that reads alike: a hundred thousand sessions of one kind hold one policy. */
const sharing = <A>(): (value: A) => A => {
  const known = new Map<string, A>()
  return (value) => {
    const text = JSON.stringify(value)
    const first = known.get(text)
    if (first !== undefined) return first
    if (known.size === mostShared) known.clear()
    known.set(text, value)
    return value
  }
}

const sharedPolicy = sharing<SessionState["spec"]["policy"]>()
const sharedCandidates = sharing<SessionState["spec"]["candidates"]>()
const sharedRequest = sharing<SessionState["spec"]["request"]>()
const nothing: ReadonlyArray<never> = []

const shareEmpty = <A>(values: ReadonlyArray<A>): ReadonlyArray<A> => values.length === 0 ? nothing : values

/** The same session, with what it has in common with others held once. */
export const shared = (state: SessionState): SessionState => {
  const { meter, pendingTerminations, refusals, spec, terminatedIds } = state
  return {
    ...state,
    spec: {
      ...spec,
      request: sharedRequest(spec.request),
      candidates: sharedCandidates(spec.candidates),
      policy: sharedPolicy(spec.policy)
    },
    pendingTerminations: shareEmpty(pendingTerminations),
    refusals: shareEmpty(refusals),
    terminatedIds: shareEmpty(terminatedIds),
    meter: { ...meter, settled: shareEmpty(meter.settled) }
  }
}
