/**
 * What simulated clouds show of their machines.
 *
 * @since 0.1.0
 */
import * as DateTime from "effect/DateTime"
import { Compute, type ComputeStatus, PortBinding } from "../../domain/Compute.ts"
import { Usd } from "../../domain/Money.ts"
import type { WantedPort } from "../../domain/Ready.ts"
import { epoch } from "./Host.ts"
import type { Machine } from "./Ledger.ts"

type Ports = ReadonlyArray<PortBinding>

/** The ports of machines that have any: before each has an address, and from then on. */
const portsOf = new WeakMap<Machine, { readonly before: Ports; readonly after: Ports }>()
const noPorts: Ports = []

/**
 * Gives a machine the ports that were asked for; `listsPending` where its cloud lists one that has no address yet.
 *
 * @category constructors
 * @since 0.1.0
 */
export const givePorts = (machine: Machine, wanted: ReadonlyArray<WantedPort>, listsPending: boolean): void => {
  const bind = ({ port: internal, protocol }: WantedPort, external: number | null): PortBinding =>
    new PortBinding({
      internal,
      external,
      protocol,
      url: external === null ? null : `https://${machine.id}.example:${external}`
    })
  portsOf.set(machine, {
    before: listsPending ? wanted.map((one) => bind(one, null)) : noPorts,
    after: wanted.map((one) => bind(one, 40_000 + one.port))
  })
}

/** What the answers of a machine said last: most listings find it as it was. */
const lastSaid = new WeakMap<Machine, Compute>()

/**
 * A machine as its cloud shows it at a true time.
 *
 * @category reading
 * @since 0.1.0
 */
export const computeOf = (machine: Machine, now: number, status: ComputeStatus = machine.status): Compute => {
  const isMapped = machine.mapsAt <= now
  if (machine.isPriced) machine.named.add(machine.rate)
  if (status === "running" && isMapped) machine.wasShownRunning = true
  const ports = portsOf.get(machine)?.[isMapped ? "after" : "before"] ?? noPorts
  const last = lastSaid.get(machine)
  const costPerHour = machine.isPriced ? machine.rate : null
  const isSame = last?.status === status && last.costPerHour === costPerHour && last.exitCode === machine.exitCode &&
    last.ports === ports
  if (isSame) return last
  const said = new Compute({
    id: machine.id,
    provider: machine.provider,
    status,
    name: machine.name,
    costPerHour: machine.isPriced ? Usd.make(machine.rate) : null,
    createdAt: DateTime.makeUnsafe(epoch + machine.bornAt),
    ports,
    exitCode: machine.exitCode
  })
  lastSaid.set(machine, said)
  return said
}

/**
 * A machine as it is, but for a price that is no number.
 *
 * @category reading
 * @since 0.1.0
 */
export const mispriced = (machine: Machine, now: number): Compute =>
  Object.defineProperty(new Compute({ ...computeOf(machine, now) }), "costPerHour", { value: Number.NaN })
