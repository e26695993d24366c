/**
 * A port as people write it: its number, and its protocol where that is not `http`.
 *
 * @since 0.1.0
 */

/**
 * A port as text: `8000/http`, `22/tcp`, or `8000` for `http`.
 *
 * @category models
 * @since 0.1.0
 */
export type PortText = `${number}` | `${number}/${"http" | "tcp"}`

const shape = /^(\d{1,6})(?:\/(http|tcp))?$/

/**
 * Reads a port; null where the text is not written as one. Whether there can be such a port is for the request's own check to say.
 *
 * **Example** (Its two parts)
 *
 * ```ts
 * import * as PortText from "effect-atlas/domain/PortText"
 *
 * PortText.parse("8000") // { port: 8000, protocol: "http" }
 * PortText.parse("8000/udp") // null
 * ```
 *
 * @category decoding
 * @since 0.1.0
 */
export const parse = (text: string): { readonly port: number; readonly protocol: "http" | "tcp" } | null => {
  const match = shape.exec(text)
  return match === null ? null : { port: Number(match[1]), protocol: match[2] === "tcp" ? "tcp" : "http" }
}

/**
 * Whether a text is written as a port.
 *
 * **Example** (A port from elsewhere)
 *
 * ```ts
 * import { Atlas } from "effect-atlas"
 * import * as PortText from "effect-atlas/domain/PortText"
 *
 * const serve = (port: string) =>
 *   Atlas.spawnCompute({ image: "me/server", ports: PortText.isPortText(port) ? [port] : [] })
 * ```
 *
 * @category guards
 * @since 0.1.0
 */
export const isPortText = (text: string): text is PortText => shape.test(text)
