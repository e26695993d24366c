/**
 * What "ready" means: a compute runs, and each of its ports can be reached as far as its provider tells.
 *
 * @since 0.1.0
 */
import type { Compute, PortBinding } from "./Compute.ts"

/**
 * A port that was asked for. The provider chooses the number of a symmetric one.
 *
 * @category models
 * @since 0.1.0
 */
export interface WantedPort {
  readonly port: number
  readonly protocol: PortBinding["protocol"]
  readonly symmetric: boolean
}

/**
 * The ports that have no address yet, as `22/tcp`: of those the compute lists, and of those that were asked for.
 *
 * **Details**
 *
 * A caller that does not know what was asked for, as of a compute that another process rented, leaves `wanted` out: then the
 * compute's own list decides.
 *
 * @category reading
 * @since 0.1.0
 */
export const unmapped = (
  { ports }: Pick<Compute, "ports">,
  wanted: ReadonlyArray<WantedPort> = []
): ReadonlyArray<string> => {
  const pending = ports.filter(({ url }) => url === null).map(({ internal, protocol }) => `${internal}/${protocol}`)
  const fixed = wanted.filter(({ symmetric }) => !symmetric)
  const isListed = ({ port, protocol }: Pick<WantedPort, "port" | "protocol">) =>
    ports.some((one) => one.internal === port && one.protocol === protocol)
  const unlisted = fixed.filter((one) => !isListed(one)).map(({ port, protocol }) => `${port}/${protocol}`)
  const chosen = ports.filter(({ internal, protocol }) =>
    !fixed.some((one) => one.port === internal && one.protocol === protocol)
  )
  const symmetric = wanted.filter((one) => one.symmetric).slice(chosen.length)
  return [...pending, ...unlisted, ...symmetric.map(({ port, protocol }) => `${port}/${protocol} (symmetric)`)]
}

/**
 * Whether a compute runs and none of its ports is {@link unmapped}; `wanted` are the ports that were asked for, none unless given.
 *
 * **Example** (A pod that runs before its ports are mapped)
 *
 * ```ts
 * import { Compute } from "effect-atlas"
 * import * as Ready from "effect-atlas/domain/Ready"
 *
 * const ports = [new Compute.PortBinding({ internal: 22, external: null, protocol: "tcp", url: null })]
 *
 * Ready.isReady({ status: "running", ports }) // false
 * Ready.unmapped({ ports }) // ["22/tcp"]
 * ```
 *
 * @category guards
 * @since 0.1.0
 */
export const isReady = (
  compute: Pick<Compute, "ports" | "status">,
  wanted: ReadonlyArray<WantedPort> = []
): boolean => compute.status === "running" && unmapped(compute, wanted).length === 0
