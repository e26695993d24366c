/** Bytes as base64url without padding, for a few of them: Effect's also decodes, and every bundle would carry both. */
export const encode = (bytes: Uint8Array): string =>
  btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")
