/**
 * What a run that goes wrong tells of what it has made: the id, and the command that ends it.
 */
import { assert, describe, it } from "@effect/vitest"
import { AtlasError, Ids } from "effect-atlas"
import * as Cause from "effect/Cause"
import * as Failure from "../../src/cli/Failure.ts"
import * as Made from "../../src/cli/Made.ts"
import { machine } from "../support/acme.ts"

const pod: Made.Thing = { type: "compute", id: "pod-1", undo: "atlas down pod-1" }
const volume: Made.Thing = { type: "network_volume", id: "vol-1", undo: "atlas volumes rm vol-1" }

const failureOf = (reason: AtlasError.AtlasError["reason"]): Failure.Failure => {
  const error = new AtlasError.AtlasError({ provider: Ids.ProviderId.make("acme"), operation: "up", reason })
  const [failure] = Failure.failuresOf(Cause.fail(error))
  if (failure === undefined) throw new Error("a failure is told")
  return failure
}

const parsed = (failure: Failure.Failure, made: ReadonlyArray<Made.Thing>) => {
  const { error }: { readonly error: Record<string, unknown> } = JSON.parse(
    Failure.render({ json: true }, [failure], made)
  )
  return error
}

const refused = failureOf(new AtlasError.Unknown({ message: "oops" }))

describe("a failure of a run that has made something", () => {
  it("has its id and all that was made in JSON, and how each is ended in words", () => {
    assert.deepInclude(parsed(refused, [volume, pod]), { computeId: "pod-1", made: [volume, pod] })
    assert.strictEqual(
      Failure.render({ json: false }, [refused], [pod, volume]),
      "error [unknown] oops\n"
        + "compute pod-1 may still be there; end it with: atlas down pod-1\n"
        + "network volume vol-1 may still be there; end it with: atlas volumes rm vol-1"
    )
  })

  it("names no compute where none was made", () => {
    assert.notProperty(parsed(refused, [volume]), "computeId")
    assert.notProperty(parsed(refused, []), "made")
  })
})

it("a failure that knows which compute may be there tells its id", () => {
  const lastSeen = machine({ id: Ids.ComputeId.make("seen-1") })
  const known = { message: "not verified", computeId: Ids.ComputeId.make("known-1"), lastSeen }
  const cases = [
    [new AtlasError.Uncertain(known), "known-1"],
    [new AtlasError.Uncertain({ message: "not verified", lastSeen }), "seen-1"],
    [new AtlasError.Timeout({ message: "too long", lastSeen }), "seen-1"]
  ] as const
  for (const [reason, id] of cases) assert.strictEqual(parsed(failureOf(reason), [pod])["computeId"], id)
})

it("what is being ended may still be there, and is not kept; what has ended is neither", () => {
  const made = Made.make()
  made.add(pod)
  made.add(volume)
  made.ending(pod.id)
  assert.deepStrictEqual(made.all("kept"), [volume])
  assert.deepStrictEqual(made.all("and what is being ended"), [pod, volume])
  made.ended(pod.id)
  assert.deepStrictEqual(made.all("and what is being ended"), [volume])
})
