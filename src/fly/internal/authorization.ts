/** The `Authorization` header for a Fly token: its kind decides the scheme, and the log host refuses the wrong one. */

const schemes = /^\s*(?:FlyV1|Bearer)\s+/i
/** `fm2_`, and the older permission and discharge parts `fm1r_` and `fm1a_`. */
const macaroon = /^fm\d[a-z]?_/
/** What a header can carry and a token is made of; a part is one word. */
const part = /^[\x21-\x7e]+$/

const withoutScheme = (text: string): string => {
  let bare = text
  while (schemes.test(bare)) bare = bare.replace(schemes, "")
  return bare.trim()
}

/**
 * The header's value; null for a text that is no token. A pasted scheme goes, and of a mixed list only the macaroons are
 * sent, as Fly's own command line does.
 */
export const header = (token: string): string | null => {
  const parts = withoutScheme(token).split(",").map(withoutScheme).filter((one) => one !== "")
  if (parts.length === 0 || !parts.every((one) => part.test(one))) return null
  const macaroons = parts.filter((one) => macaroon.test(one))
  return macaroons.length > 0 ? `FlyV1 ${macaroons.join(",")}` : `Bearer ${parts.join(",")}`
}
