/**
 * What waits for the record of a session: in order, never without bound, and a create never without its record.
 */
import { assert, describe, it } from "@effect/vitest"
import { ComputeId } from "effect-atlas/domain/Ids"
import * as DateTime from "effect/DateTime"
import * as Unsaved from "../../../src/orchestrator/engine/Unsaved.ts"
import * as Session from "../../../src/orchestrator/Session.ts"
import { start } from "../session/harness.ts"

const id = Session.SessionId.make("s1")
const machine = ComputeId.make("m1")

const told = (event: Session.SessionEvent, at = 0) => ({ id, computeId: machine, at: DateTime.makeUnsafe(at), event })
const change = (events: ReadonlyArray<Session.SessionEvent>, isNeeded = true) => ({
  envelopes: events.map((event) => told(event)),
  commands: [],
  isNeeded
})
const textOf = (item: Unsaved.Item): string => item._tag === "Tell" ? item.envelope.event._tag : item.command._tag

describe("what waits", () => {
  it("comes out in order, as far as the row says it", () => {
    const unsaved = Unsaved.make(null, 0)
    Unsaved.add(unsaved, change([{ _tag: "Terminating", reason: "stopped", cause: null }]))
    Unsaved.add(unsaved, change([{ _tag: "Released" }]))
    assert.deepStrictEqual(Unsaved.take(unsaved, false), [])
    unsaved.written = 1
    assert.deepStrictEqual(Unsaved.take(unsaved, false).map(textOf), ["Terminating"])
    unsaved.written = 2
    assert.deepStrictEqual(Unsaved.take(unsaved, false).map(textOf), ["Released"])
    assert.isTrue(Unsaved.isRecorded(unsaved))
  })

  it("also comes out when it needs no record and nothing before it does", () => {
    const unsaved = Unsaved.make(null, 0)
    Unsaved.add(unsaved, change([{ _tag: "Heartbeat", at: DateTime.makeUnsafe(1) }], false))
    assert.deepStrictEqual(Unsaved.take(unsaved, false).map(textOf), ["Heartbeat"])
  })

  it("stays bounded in an outage of months: repeated events are one, changes of status are the newest", () => {
    const unsaved = Unsaved.make(null, 0)
    Unsaved.add(unsaved, change([{ _tag: "Terminating", reason: "stopped", cause: null }]))
    for (let times = 0; times < 5_000; times++) {
      Unsaved.add(
        unsaved,
        change([
          { _tag: "Heartbeat", at: DateTime.makeUnsafe(times) },
          { _tag: "Status", computeId: machine, status: times % 2 === 0 ? "running" : "provisioning" }
        ])
      )
    }
    assert.isAtMost(unsaved.items.length, 201)
    assert.strictEqual(unsaved.items.map(textOf)[0], "Terminating")
    assert.strictEqual(unsaved.items.filter((item) => textOf(item) === "Heartbeat").length, 1)
  })

  it("lets every command but a create go where the record is late", () => {
    const session = start()
    const unsaved = Unsaved.make(null, 0)
    const [rent] = session.asked()
    if (rent === undefined) return assert.fail("it did not ask for a create")
    const terminate = {
      _tag: "Terminate",
      provider: session.state.spec.candidates[0].provider,
      computeId: machine
    } as const
    Unsaved.add(unsaved, { envelopes: [told({ _tag: "Released" })], commands: [rent, terminate], isNeeded: true })
    assert.deepStrictEqual(Unsaved.take(unsaved, true).map(textOf), ["Terminate"])
    assert.deepStrictEqual(unsaved.items.map(textOf), ["Released", "Rent"])
  })

  it("gives back a create that is not wanted any more", () => {
    const session = start()
    const unsaved = Unsaved.make(null, 0)
    Unsaved.add(unsaved, { envelopes: [], commands: session.asked(), isNeeded: true })
    assert.deepStrictEqual(Unsaved.callOff(unsaved, session.state), [])
    session.stop()
    assert.deepStrictEqual(Unsaved.callOff(unsaved, session.state).map(({ attempt }) => attempt), [session.attempt()])
    assert.deepStrictEqual(unsaved.items, [])
  })
})
