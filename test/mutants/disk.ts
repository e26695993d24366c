/** Mistakes about the state directory and the logs in it: odd entries, a full disk, lines without an end. */
import { type Patch, tests } from "./mutant.ts"

const local = "src/providers/local/internal"
const lines = tests("test/providers/local/logLines.test.ts")
const parts = tests("test/providers/local/logParts.test.ts")
const followed = tests("test/providers/local/logFile.test.ts")
const entries = tests("test/providers/local/Entries.process.test.ts")
const files = tests("test/storage/PrivateFile.test.ts")
const reasons = tests("test/storage/SystemReason.test.ts")

export const disk: ReadonlyArray<Patch> = [
  {
    name: "unfinished-line-not-shown",
    why: "a question without a line end is not shown while its log is followed",
    file: `${local}/logFile.ts`,
    find: "waits >= patience ? splitter.rest(\"partial\")",
    replace: "waits >= 999 * patience ? splitter.rest(\"partial\")",
    noticedBy: [followed]
  },
  {
    name: "progress-bar-not-shown",
    why: "a bar that only draws itself anew is shown half a second late, as a line without an end",
    file: `${local}/logFile.ts`,
    find: "waits > 0 ? splitter.returned() : []",
    replace: "waits > 99 ? splitter.returned() : []",
    noticedBy: [followed]
  },
  {
    name: "piece-begins-a-line",
    why: "the rest of a line that was shown without its end counts as a line of its own",
    file: `${local}/logLines.ts`,
    find: "    continues = ended === \"partial\"\n",
    replace: "    continues = false\n",
    noticedBy: [lines]
  },
  {
    name: "reading-begins-a-line",
    why: "a reading that begins within a line takes the rest of it for a whole one",
    file: `${local}/logLines.ts`,
    find: "let continues = before !== null && before !== feed && before !== carriageReturn",
    replace: "let continues = before === 0",
    noticedBy: [lines]
  },
  {
    name: "character-cut-in-two",
    why: "a piece of a line ends within a character",
    file: `${local}/logLines.ts`,
    find: "return start + length > bytes.length ? start : bytes.length",
    replace: "return start + length > bytes.length + 9 ? start : bytes.length",
    noticedBy: [lines]
  },
  {
    name: "open-log-is-let-go",
    why: "the end of a log that is taken away while it is read is lost",
    file: `${local}/logParts.ts`,
    find: "current ??= yield* openNext",
    replace: "current = yield* openNext",
    noticedBy: [parts]
  },
  {
    name: "last-bytes-before-the-next-part",
    why: "what was written between the last look and the rotation of a log is lost",
    file: `${local}/logParts.ts`,
    find: "            bytes = yield* file.readAlloc(size)\n",
    replace: "",
    noticedBy: [parts]
  },
  {
    name: "missed-bytes-in-silence",
    why: "a reader that was left behind is not told that something was removed",
    file: `${local}/logParts.ts`,
    find: "missed = { from: missed?.from ?? position, to: oldest.start }",
    replace: "missed = position < 0 ? { from: position, to: oldest.start } : null",
    noticedBy: [parts]
  },
  {
    name: "pipe-is-opened",
    why: "a pipe in the place of a record is opened, and its reader waits for ever",
    file: "src/storage/PrivateFile.ts",
    find: "const odd = type !== \"File\"",
    replace: "const odd = type === \"Directory\"",
    noticedBy: [files]
  },
  {
    name: "any-size-is-read",
    why: "a file of gigabytes in the place of a record is read into memory",
    file: "src/storage/PrivateFile.ts",
    find: ": size > longest\n",
    replace: ": size > longest * 1e9\n",
    noticedBy: [files]
  },
  {
    name: "pipe-in-the-place-of-a-log",
    why: "a pipe in the place of a log is opened, and its reader waits for ever",
    file: `${local}/logParts.ts`,
    find: "Effect.andThen(PrivateFile.check(fs, path), fs.open(path, { flag: \"r\" })), inner)",
    replace: "fs.open(path, { flag: \"r\" }), inner)",
    noticedBy: [parts]
  },
  {
    name: "newer-record-is-damaged",
    why: "a record of a newer atlas is told as damaged, to be removed by hand",
    file: `${local}/stateDir.ts`,
    find: "return known.version > 1",
    replace: "return known.version > 99",
    noticedBy: [entries]
  },
  {
    name: "one-entry-blinds-all",
    why: "one entry that may not be read fails the listing of all",
    file: `${local}/stateDir.ts`,
    find: "        if (SystemReason.isShortage(error)) return Effect.fail(new StorageFault({ message: why }))\n",
    replace: "        if (why !== \"\") return Effect.fail(new StorageFault({ message: why }))\n",
    noticedBy: [entries]
  },
  {
    name: "link-is-followed",
    why: "a symbolic link in the place of a compute is followed into another program's directory",
    file: `${local}/stateDir.ts`,
    find: "if (isLink) {",
    replace: "if (isLink && id.length === 0) {",
    noticedBy: [entries]
  },
  {
    name: "system-said-nothing",
    why: "a full disk is told by a code alone",
    file: "src/storage/SystemReason.ts",
    find: "[\"ENOSPC\", \"the disk is full\"],",
    replace: "",
    noticedBy: [reasons]
  },
  {
    name: "permission-without-its-owner",
    why: "a refused permission does not say whose file is in the way",
    file: "src/storage/SystemReason.ts",
    find: "return whose === null ? denied : `${denied}: ${whose}`",
    replace: "return whose === \"\" ? `${denied}: ${whose}` : denied",
    noticedBy: [reasons]
  },
  {
    name: "own-disk-asked-again",
    why: "an end that the disk of this machine refuses is tried for 30 seconds, and then told as uncertain",
    file: "src/provider/Termination.ts",
    find: "asked.failure._tag === \"StorageFault\") return",
    replace: "asked.failure._tag === \"StorageFault\" && budget < 0) return",
    noticedBy: [tests("test/provider/Termination.test.ts")]
  }
]
