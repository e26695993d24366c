/** Making a provider's answer fit to be kept: no environment, no credential, no echo of what was sent. */
import * as Redacted from "effect/Redacted"
import type * as Schema from "effect/Schema"

/** More than any error says; what is longer is a page or a dump. */
const longestRaw = 64 * 1024
const longestMessage = 2000
/** Deeper answers are made to overflow whoever walks them. */
const deepest = 32
const redacted = "<redacted>"
/** Shorter ones are words like `1` or `true`, and hiding those would garble every message. */
const shortestSecret = 4
/** Validators quote the beginning of what they refuse: this many characters in a row of a secret are taken for it. */
const tellingPart = 12

/** Compared in lower case and without `-` and `_`. */
const secretKey =
  /^(?:env(?:ironment)?(?:vars|variables)?|pwd|auth|jwt|cookies?|setcookie)$|apikey|token|authorization|passw(?:or)?d|passphrase|secret|credential|privatekey|accesskey|presharedkey|jupyter|startscript|signature/

const isSecretKey = (key: string): boolean => secretKey.test(key.toLowerCase().replace(/[-_]/g, ""))

/** Lists in which a validator repeats what it was sent. */
const isIssueList = (key: string): boolean => key === "errors" || key === "detail"

/** User info and query of any URL in a text: either can hold a key. */
const urls = /\b([a-z][a-z0-9+.-]*:\/\/)(?:[^\s/?#"'@]*@)?([^\s?#"'<>]*)(?:[?#][^\s"'<>]*)?/gi
// oxlint-disable-next-line no-control-regex -- a terminal obeys them
const control = /[\u0000-\u001f\u007f-\u009f]+/g

/** Every redacted text in a value that is sent. */
export const secretsIn = (value: unknown): ReadonlyArray<string> => {
  const found: Array<string> = []
  const visit = (one: unknown, depth: number): void => {
    if (Redacted.isRedacted(one)) {
      const secret = Redacted.value(one)
      if (typeof secret === "string") found.push(secret)
    } else if (depth < deepest && typeof one === "object" && one !== null) {
      for (const part of Object.values(one)) visit(part, depth + 1)
    }
  }
  visit(value, 0)
  return found
}

const partsOf = (secrets: ReadonlyArray<string>): ReadonlySet<string> => {
  const parts = new Set<string>()
  for (const secret of secrets) {
    for (let end = tellingPart; end <= secret.length; end++) parts.add(secret.slice(end - tellingPart, end))
  }
  return parts
}

export interface Scrub {
  readonly text: (text: string) => string
  /** A body without credentials; null when it is too large or too deep to be worth keeping. */
  readonly json: (body: Schema.Json, bytes: number) => Schema.Json
}

/** Cleans answers to a request that carried these secrets. */
export const make = (secrets: ReadonlyArray<string>): Scrub => {
  // the longest first: a secret may contain another
  const echoes = [
    ...new Set(secrets.flatMap((secret) =>
      secret.length < shortestSecret
        ? []
        : [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret.toWellFormed())]
    ))
  ].toSorted((a, b) => b.length - a.length)
  let parts: ReadonlySet<string> | null = null
  const isPart = (text: string): boolean => (parts ??= partsOf(echoes)).has(text)

  /** Blots out whatever is as long a part of a secret as to tell it. */
  const hideParts = (text: string): string => {
    let hidden = ""
    let shown = 0
    let end = tellingPart
    while (end <= text.length) {
      if (!isPart(text.slice(end - tellingPart, end))) {
        end += 1
        continue
      }
      hidden += text.slice(shown, end - tellingPart) + redacted
      while (end < text.length && isPart(text.slice(end + 1 - tellingPart, end + 1))) end += 1
      shown = end
      end += tellingPart
    }
    return hidden + text.slice(shown)
  }

  const hide = (text: string): string =>
    hideParts(echoes.reduce((hidden, secret) => hidden.replaceAll(secret, redacted), text)).replace(urls, "$1$2")

  const walk = (body: Schema.Json, depth: number, isIssue: boolean): Schema.Json => {
    if (depth > deepest) throw new RangeError()
    if (typeof body === "string") return hide(body)
    if (Array.isArray(body)) return body.map((one: Schema.Json) => walk(one, depth + 1, isIssue))
    if (typeof body !== "object" || body === null) return body
    return Object.fromEntries(
      Object.entries(body).flatMap(([key, value]) =>
        isSecretKey(key) || (isIssue && (key === "value" || key === "input"))
          ? []
          : [[hide(key), walk(value, depth + 1, isIssueList(key) && Array.isArray(value))]]
      )
    )
  }

  return {
    // hidden before anything is cut or replaced, or a part of a secret would pass
    text: (text) => hide(text.slice(0, longestRaw)).replace(control, " ").trim().slice(0, longestMessage),
    json: (body, bytes) => {
      if (bytes > longestRaw) return null
      try {
        return walk(body, 0, false)
      } catch {
        return null
      }
    }
  }
}
