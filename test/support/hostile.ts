/** Text that a provider, a container or a file name may hold to deceive whoever reads it in a terminal. */

/** What may never reach a terminal, but for line feeds and tabs where there are several lines. */
// oxlint-disable-next-line no-control-regex -- these are what is looked for
export const obeyed = /[\u0000-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]/

/** Each text, and what a line of it reads as. */
export const hostile: Readonly<Record<string, { readonly text: string; readonly line: string }>> = {
  "CSI that clears the screen": { text: "web\u001b[2J\u001b[1;1H-1", line: "web-1" },
  "colours": { text: "\u001b[1;31mweb\u001b[0m-1", line: "web-1" },
  "CSI in one byte": { text: "web\u009b2J-1", line: "web-1" },
  "CSI without an end": { text: "web-1\u001b[12;", line: "web-1" },
  "OSC that writes the clipboard": { text: "web\u001b]52;c;ZXZpbA==\u0007-1", line: "web-1" },
  "OSC that makes a link": { text: "\u001b]8;;https://evil.example\u001b\\web-1\u001b]8;;\u001b\\", line: "web-1" },
  "OSC in one byte": { text: "web\u009d0;title\u009c-1", line: "web-1" },
  "OSC that would swallow the rest": { text: "web\u001b]0;-1", line: "web0;-1" },
  "DCS": { text: "web\u001bPq#0;2;0;0;0\u001b\\-1", line: "web-1" },
  "APC": { text: "web\u001b_Gf=32;AAAA\u001b\\-1", line: "web-1" },
  "a reset": { text: "web\u001bc-1", line: "web-1" },
  "an escape alone": { text: "web-1\u001b", line: "web-1" },
  "escapes in an escape": { text: "web\u001b\u001b[[2J-1", line: "web2J-1" },
  "a carriage return": { text: "rm -rf\rweb-1", line: "rm -rf web-1" },
  "line feeds": { text: "web-1\nended\u2028everything\u0085", line: "web-1 ended everything" },
  "a bell and a backspace": { text: "web\u0007\b-1", line: "web -1" },
  "bidi overrides": { text: "web\u202e1-\u202c", line: "web1-" },
  "bidi isolates and marks": { text: "\u2067web\u2069\u200f-\u061c1", line: "web-1" },
  "zero width": { text: "w\u200be\u200db\ufeff-\u20601", line: "web-1" },
  "tags": { text: "web\u{e0065}\u{e0076}-1", line: "web-1" },
  "half a character": { text: "web\ud800-1", line: "web\ufffd-1" }
}

/** All of it at once. */
export const allOfIt = Object.values(hostile).map(({ text }) => text).join(" ")
