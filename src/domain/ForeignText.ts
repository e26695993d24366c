/**
 * Text that a provider, a container or a file holds, on its way to an error, a log, a table or a terminal: without secrets, without anything that a
 * terminal obeys or that hides from a reader, and of a bounded length.
 *
 * @since 0.1.0
 */

/** A longer text is a page or a dump. */
const longestRead = 64 * 1024
const longestLine = 2000
const redacted = "<redacted>"
/** Shorter secrets are words like `1` or `true`, and hiding those would garble every message. */
const shortestSecret = 4
/** Validators quote the beginning of what they refuse: this many characters in a row of a secret are taken for it. */
const tellingPart = 12

/**
 * Escape sequences with all that they hold: OSC, DCS, SOS, PM and APC up to their end, CSI, and the short ones. Of one that has no
 * end only the opening goes, so that no text can hide what follows it.
 */
const sequences =
  // oxlint-disable-next-line no-control-regex -- these are what is looked for
  /(?:\u001b[\]PX^_]|[\u0090\u0098\u009d-\u009f])(?:[^\u0007\u001b\u0080-\u009f]*(?:\u0007|\u001b\\|\u009c))?|(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]?|\u001b[ -/]*[0-~]?/g

/** One that changes colours and nothing else. */
// oxlint-disable-next-line no-control-regex -- these are what is looked for
const colour = /^\u001b\[[\d;]*m$/

/** Bidi marks, overrides and isolates, fillers and marks without a width, and tags. */
const invisible =
  /\u034f|\u17b4|\u17b5|[\u00ad\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb]|[\u{e0000}-\u{e0fff}]/gu

/** Joiners make words of some scripts and pictures of several; after a letter of ASCII, or another joiner, they only deceive. */
// oxlint-disable-next-line no-control-regex -- ASCII is meant
const joiners = /(?<=^|[\u0000-\u007f\u200c\u200d])[\u200c\u200d]/gu

// oxlint-disable-next-line no-control-regex -- a terminal obeys them
const controls = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g
// oxlint-disable-next-line no-control-regex -- a terminal obeys them
const controlsWithinLines = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029]+/g

/** Most text is clean, and one test for that is many times cheaper than cleaning. */
const isClean = (text: string): boolean => /^[ -~]*$/.test(text)

const withoutTricks = (text: string): string =>
  text.toWellFormed().replace(sequences, "").replace(invisible, "").replace(joiners, "")

/** Cut between characters, and seen to be cut. */
const cut = (text: string, max: number): string => {
  if (text.length <= max) return text
  const kept = text.slice(0, Math.max(0, max - 1))
  return `${/[\ud800-\udbff]$/.test(kept) ? kept.slice(0, -1) : kept}…`
}

const partsOf = (secrets: ReadonlyArray<string>): ReadonlySet<string> => {
  const parts = new Set<string>()
  for (const secret of secrets) {
    for (let end = tellingPart; end <= secret.length; end++) parts.add(secret.slice(end - tellingPart, end))
  }
  return parts
}

/**
 * A function that blots out these secrets, as they are, as JSON or a URL writes them, and every part of one that is long enough
 * to give it away.
 *
 * @category cleaning
 * @since 0.1.0
 */
export const hiding = (secrets: ReadonlyArray<string>): (text: string) => string => {
  // the longest first: a secret may contain another
  const echoes = [
    ...new Set(secrets.flatMap((secret) =>
      secret.length < shortestSecret
        ? []
        : [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret.toWellFormed())]
    ))
  ].toSorted((a, b) => b.length - a.length)
  if (echoes.length === 0) return (text) => text
  let parts: ReadonlySet<string> | null = null
  const isPart = (text: string): boolean => (parts ??= partsOf(echoes)).has(text)

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

  return (text) => hideParts(echoes.reduce((hidden, secret) => hidden.replaceAll(secret, redacted), text))
}

/**
 * How a text is cleaned.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** The most characters that are kept; default 2000. */
  readonly max?: number | undefined
  /** Texts that must not be in it, such as the API key of the call; default none. */
  readonly secrets?: ReadonlyArray<string> | undefined
}

/**
 * A text as one line: a name, an id or a message.
 *
 * **Details**
 *
 * Secrets are blotted out before anything is cut or removed, and once more after it, so that no escape inside of one lets it pass.
 *
 * **Example** (A name that would clear the screen)
 *
 * ```ts
 * import * as ForeignText from "effect-atlas/domain/ForeignText"
 *
 * ForeignText.line("web\u001b[2J\u202e-1", { max: 100 }) // "web-1"
 * ```
 *
 * @category cleaning
 * @since 0.1.0
 */
export const line = (text: string, { max = longestLine, secrets = [] }: Options = {}): string => {
  const hide = hiding(secrets)
  const hidden = hide(text.slice(0, longestRead))
  if (isClean(hidden)) return cut(hidden.trim(), max)
  return cut(hide(withoutTricks(hidden).replace(controls, " ")).trim(), max)
}

/**
 * A text of any length without what a terminal obeys or hides; line feeds and tabs stay.
 *
 * @category cleaning
 * @since 0.1.0
 */
export const plain = (text: string): string =>
  isClean(text) ? text : withoutTricks(text).replace(controlsWithinLines, "")

/** The same, with the sequences that only colour what follows. */
const cleanedInColour = (text: string): string => {
  let kept = ""
  let from = 0
  for (const { 0: found, index } of text.matchAll(sequences)) {
    kept += plain(text.slice(from, index)) + (colour.test(found) ? found : "")
    from = index + found.length
  }
  return kept + plain(text.slice(from))
}

/**
 * Cleans what an error says about itself, in the error itself: a log, a table and a terminal get the same harmless line.
 *
 * @category cleaning
 * @since 0.1.0
 */
export const disarm = (error: Error): void => {
  const message = line(error.message)
  if (message !== error.message) Object.defineProperty(error, "message", { value: message, enumerable: true })
}

/**
 * Text of several lines, such as a log: line feeds and tabs stay, everything else that a terminal obeys goes, and each line is
 * cut at 64 Ki characters.
 *
 * **Details**
 *
 * With `colours`, sequences that change colours and nothing else stay too: for text that we have coloured ourselves.
 *
 * @category cleaning
 * @since 0.1.0
 */
export const lines = (text: string, { colours = false }: { readonly colours?: boolean } = {}): string => {
  const clean = colours ? cleanedInColour : plain
  return text.split("\n").map((one) => cut(clean(one), longestRead)).join("\n")
}

/** Characters of several lines that hide nothing; one test of a whole text is many times cheaper than one of each line. */
// oxlint-disable-next-line no-control-regex -- line ends are meant
const isCleanLog = (text: string): boolean => /^[ -~\n\r\t]*$/.test(text)

/**
 * What a program has written, of any length: line feeds, carriage returns and tabs stay, everything else that a terminal obeys
 * goes, and nothing is cut.
 *
 * @category cleaning
 * @since 0.1.0
 */
export const log = (text: string): string =>
  isCleanLog(text) ? text : text.split(/([\r\n]+)/).map((part, index) => index % 2 === 1 ? part : plain(part)).join("")

// oxlint-disable-next-line no-control-regex -- a terminal obeys them
const raw = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029]|\u200c|\u200d/gu

const escape = (character: string): string =>
  Array.from(
    { length: character.length },
    (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, "0")}`
  ).join("")

/**
 * JSON text in which everything that a terminal obeys or hides is written as an escape: it reads as the same value.
 *
 * **Example** (A line of JSON)
 *
 * ```ts
 * import * as ForeignText from "effect-atlas/domain/ForeignText"
 *
 * ForeignText.json(JSON.stringify({ name: "a\u009b2Jb" })) // {"name":"a\\u009b2Jb"}
 * ```
 *
 * @category cleaning
 * @since 0.1.0
 */
export const json = (text: string): string =>
  isClean(text) ? text : text.replace(raw, escape).replace(invisible, escape)
