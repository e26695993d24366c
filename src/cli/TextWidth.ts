/**
 * How many cells of a terminal a text takes: none for a mark on the character before it, two for a wide one.
 */
const characters = new Intl.Segmenter(undefined, { granularity: "grapheme" })

/** East Asian wide and full-width forms, and pictures that are shown as such. */
const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{1b000}-\u{1b2ff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}|\ufe0f/u
const marksOnly = /^[\p{M}\p{Cf}]+$/u

const isPlain = (text: string): boolean => /^[ -~]*$/.test(text)

const ofCharacter = (character: string): number => wide.test(character) ? 2 : marksOnly.test(character) ? 0 : 1

/** The cells that a line of text takes. */
export const of = (text: string): number => {
  if (isPlain(text)) return text.length
  let width = 0
  for (const { segment } of characters.segment(text)) width += ofCharacter(segment)
  return width
}

/** A text that takes at most so many cells, cut between characters and seen to be cut. */
export const cut = (text: string, width: number): string => {
  if (of(text) <= width) return text
  let kept = ""
  let left = width - 1
  for (const { segment } of characters.segment(text)) {
    left -= ofCharacter(segment)
    if (left < 0) break
    kept += segment
  }
  return `${kept}…`
}
