/** Mistakes about what is ready, done, lost or sold out at a cloud, and about time that a computer was suspended. */
import { type Patch, tests } from "./mutant.ts"

const runpod = "src/providers/runpod/internal"
const markers = tests("test/providers/runpod/exitMarkers.test.ts")
const wrapper = tests("test/providers/runpod/selfTerminating.process.test.ts")
const capacity = tests("test/providers/runpod/capacity.test.ts")
const readiness = tests("test/providers/runpod/readiness.test.ts")
const lostResources = tests("test/providers/runpod/lostResources.test.ts")
const lostCreate = tests("test/provider/LostCreate.test.ts")
const uptime = tests("test/orchestrator/uptime.test.ts")

export const done: ReadonlyArray<Patch> = [
  {
    name: "marker-is-shown",
    why: "the line by which a command says its end to atlas is shown to its reader",
    file: `${runpod}/exitMarkers.ts`,
    find: "markerOf(line)?.before !== \"\"",
    replace: "markerOf(line)?.before !== \"none\"",
    noticedBy: [markers]
  },
  {
    name: "marker-takes-output-with-it",
    why: "output without a line end before the marker is hidden with it",
    file: `${runpod}/exitMarkers.ts`,
    find: "markerOf(line)?.before !== \"\"",
    replace: "markerOf(line) === null",
    noticedBy: [markers]
  },
  {
    name: "marker-of-another-attempt",
    why: "a marker of another attempt counts as the end of this one",
    file: `${runpod}/exitMarkers.ts`,
    find: "marker?.name === name",
    replace: "marker !== null && name.length > 0",
    noticedBy: [markers]
  },
  {
    name: "marker-of-the-platform",
    why: "any line of the platform that looks like it is a marker",
    file: `${runpod}/exitMarkers.ts`,
    find: "source === \"container\" ? ExitMarker.parse(line) : null",
    replace: "source !== \"\" ? ExitMarker.parse(line) : null",
    noticedBy: [markers]
  },
  {
    name: "pod-gone-before-its-marker-is-read",
    why: "a pod deletes itself right after the marker, before anybody has read it",
    file: `${runpod}/selfTerminating.ts`,
    find: "sleep ${readable} >",
    replace: "sleep ${0 * readable} >",
    noticedBy: [wrapper]
  },
  {
    name: "pod-waits-out-its-end",
    why: "a pod that is ended while its log can still be read waits on, and is killed",
    file: `${runpod}/selfTerminating.ts`,
    find: "trap \"exit $c\" INT TERM; ${mark}",
    replace: "${mark}",
    noticedBy: [wrapper]
  },
  {
    name: "sold-out-with-one-status-only",
    why: "want of machines that is told with a 5xx is no reason to try the next candidate",
    file: "src/provider/CapacityWords.ts",
    find: "if (status < 400 || othersMeanings",
    replace: "if (status !== 400 || othersMeanings",
    noticedBy: [capacity]
  },
  {
    name: "sold-out-whatever-the-status",
    why: "a bad key or an empty account is told as want of machines where the words are the same",
    file: "src/provider/CapacityWords.ts",
    find: "if (status < 400 || othersMeanings.has(status)) return false",
    replace: "if (status < 400 || othersMeanings.has(-status)) return false",
    noticedBy: [capacity]
  },
  {
    name: "ready-without-its-addresses",
    why: "a compute counts as ready before its ports have addresses",
    file: "src/domain/Ready.ts",
    find: "compute.status === \"running\" && unmapped(compute, wanted).length === 0",
    replace: "compute.status === \"running\" && unmapped(compute, wanted).length < 99",
    noticedBy: [readiness]
  },
  {
    name: "found-one-that-was-there",
    why: "a volume that was there before counts as the one whose create was lost",
    file: "src/provider/LostCreate.ts",
    find: "const found = Result.isSuccess(after) ? after.success.filter((one) => !known.has(idOf(one))) : []",
    replace:
      "const found = Result.isSuccess(after) ? after.success.filter((one) => known.size < 0 || idOf(one) !== \"\") : []",
    noticedBy: [lostResources]
  },
  {
    name: "unlisted-proves-nothing-was-there",
    why: "what is found after a lost create counts as its own although the list before it could not be read",
    file: "src/provider/LostCreate.ts",
    find: "    if (Result.isFailure(before)) return yield* told(search)(lost)\n",
    replace: "",
    and: [{
      file: "src/provider/LostCreate.ts",
      find: "new Set(before.success.map(idOf))",
      replace: "new Set(Result.isSuccess(before) ? before.success.map(idOf) : [])"
    }],
    noticedBy: [lostCreate]
  },
  {
    name: "never-listed-after-a-lost-create",
    why: "a create of a volume whose answer was lost fails without a look",
    file: "src/provider/LostCreate.ts",
    find: "if (lost._tag !== \"Uncertain\") return yield* lost",
    replace: "if (lost._tag !== \"Uncertain\" || lost.message !== \"\") return yield* lost",
    noticedBy: [lostResources]
  },
  {
    name: "noise-is-a-suspend",
    why: "what passes between two readings of the kernel counts as suspended time",
    file: "src/orchestrator/internal/uptime.ts",
    find: "seen - asleep > noise",
    replace: "seen - asleep > 0 * noise",
    noticedBy: [uptime]
  },
  {
    name: "suspended-from-late-on",
    why: "suspended time that was not known at first is taken for a suspend as soon as it is",
    file: "src/orchestrator/internal/uptime.ts",
    find: "(askedAt !== null && (asleep === null || now - askedAt < askEvery))",
    replace: "(askedAt !== null && now - askedAt < askEvery)",
    noticedBy: [uptime]
  }
]
