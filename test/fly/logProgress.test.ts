/**
 * Every line of a log exactly once, whatever the host makes of times, ids, cursors and borders of pages: random hosts against a
 * model that knows what they have.
 */
import { assert, describe, it } from "@effect/vitest"
import { FlyError } from "effect-atlas/fly/FlyError"
import { ProviderFault } from "../../src/domain/AtlasError.ts"
import type { Page } from "../../src/fly/FlyLogSource.ts"
import * as LogProgress from "../../src/fly/internal/logProgress.ts"

/** A small generator of numbers: the same for the same seed. */
const dice = (seed: number) => {
  let state = seed * 2654435761 + 1
  const next = (below: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
  return { next, chance: (percent: number) => next(100) < percent }
}

const second = 1_000_000_000n
const start = 1_795_166_400n * second

interface Line {
  readonly at: bigint
  readonly id: string | null
  readonly text: string
}

const stampOf = (at: bigint): string =>
  new Date(Number(at / 1_000_000n)).toISOString().replace(/\.\d+Z$/, `.${String(at % second).padStart(9, "0")}Z`)

interface Host {
  readonly name: string
  /** The lines after a cursor, or at it, and how many at most. */
  readonly isInclusive: boolean
  readonly pageSize: number
  readonly ignoresCursor: boolean
  readonly tellsTime: boolean
  readonly cutsBodies: boolean
  /** Lines reach the host up to 3 seconds after newer ones. */
  readonly isLate: boolean
}

const cutError = new FlyError({
  operation: "logs",
  reason: new ProviderFault({ status: 200, message: "the log host's answer ended in the middle" })
})

const answer = (
  host: Host,
  log: ReadonlyArray<Line>,
  cursor: string | null,
  now: bigint,
  cutAt: number | null
): Page => {
  const sorted = log.toSorted((a, b) => a.at < b.at ? -1 : a.at > b.at ? 1 : 0)
  const from = cursor === null ? null : BigInt(cursor)
  const all = host.ignoresCursor || from === null
    ? sorted.slice(-host.pageSize)
    : sorted.filter(({ at }) => host.isInclusive ? at >= from : at > from).slice(0, host.pageSize)
  const shown = cutAt === null ? all : all.slice(0, cutAt)
  const newest = shown.reduce<bigint | null>((most, { at }) => most === null || at > most ? at : most, null)
  return {
    entries: shown.map(({ at, text }) => ({
      timestamp: stampOf(at),
      message: text,
      level: null,
      region: null,
      instance: "m1",
      appName: null
    })),
    ids: shown.map(({ id }) => id),
    cursor: newest === null ? cursor : String(host.isInclusive ? newest + 1n : newest),
    isFull: shown.length >= host.pageSize && host.pageSize >= 20,
    skipped: 0,
    hostTime: host.tellsTime ? Number(now / second) * 1000 : null,
    cut: cutAt === null || shown.length === all.length ? null : cutError
  }
}

/** What is delivered of a log that grows while it is polled, and the log. */
const follow = (host: Host, seed: number) => {
  const { chance, next } = dice(seed)
  const log: Array<Line> = []
  const progress = LogProgress.make()
  const delivered: Array<string> = []
  let now = start
  let last = start
  let requests = 0

  const write = (): void => {
    // those who see a few lines at a time see the ones behind many that are ahead when their time comes
    const isFuture = host.tellsTime && host.pageSize >= 20 && chance(3)
    // never before a line that a reader may have seen; often at exactly the same time as the line before
    if (!chance(35)) last += BigInt(1 + next(1_000_000))
    const isLate = host.isLate && chance(20)
    const at = isLate
      ? last - BigInt(next(3_000)) * 1_000_000n
      : isFuture
      ? now + (chance(50) ? 3600n : 240n) * second + BigInt(next(1000))
      : last
    const text = chance(30) ? "tick" : `line ${log.length}`
    const id = chance(30) ? null : chance(30) ? "" : chance(30) ? "same" : `${at}-${log.length}`
    // a host keeps no more lines of one time than a page holds, or nobody could read them
    if (log.filter((one) => one.at === at).length < host.pageSize - 2) log.push({ at, id, text })
  }

  const poll = (): void => {
    for (let turn = 0; turn < 60; turn++) {
      const cutAt = host.cutsBodies && chance(40) ? next(host.pageSize) : null
      const page = answer(host, log, progress.cursor(), now, cutAt)
      requests += 1
      const step = progress.accept(page)
      for (const entry of step.entries) delivered.push(`${entry.timestamp} ${entry.message}`)
      if (!step.isBehind) return
    }
    assert.fail(`${host.name}, seed ${seed}: the host is asked again and again without a pause`)
  }

  // a reader who comes late gets the newest page and no more, so the log begins with the reader
  for (let left = host.tellsTime ? next(3) : 1; left > 0; left--) write()
  poll()
  const rounds = 5 + next(15)
  for (let round = 0; round < rounds; round++) {
    for (let left = next(host.ignoresCursor ? Math.floor(host.pageSize / 2) : 12); left > 0; left--) write()
    // the host's clock is never behind the lines
    if (last > now) now = last
    now += 2n * second
    last = last > now - second ? last : now - second
    if (!chance(10)) poll()
    else if (host.ignoresCursor) poll()
  }
  for (let round = 0; round < 40; round++) {
    now += 2n * second
    poll()
  }
  return { delivered, log, requests }
}

const plain = {
  isInclusive: false,
  pageSize: 100,
  ignoresCursor: false,
  tellsTime: true,
  cutsBodies: false,
  isLate: false
}

const hosts: ReadonlyArray<Host> = [
  { ...plain, name: "the platform" },
  { ...plain, name: "a host of small pages", pageSize: 5 },
  { ...plain, name: "a host that does not tell its time", tellsTime: false, pageSize: 7 },
  { ...plain, name: "a host whose start is inclusive", isInclusive: true, pageSize: 1000 },
  { ...plain, name: "a host whose bodies are cut", cutsBodies: true, pageSize: 20 },
  { ...plain, name: "an inclusive host whose bodies are cut", isInclusive: true, cutsBodies: true, pageSize: 1000 },
  { ...plain, name: "a host of small pages whose bodies are cut", pageSize: 5, cutsBodies: true },
  { ...plain, name: "the platform, with lines that are late", isLate: true },
  { ...plain, name: "an inclusive host with lines that are late", isInclusive: true, pageSize: 1000, isLate: true },
  { ...plain, name: "a host without a clock, with lines that are late", tellsTime: false, isLate: true },
  { ...plain, name: "a host that ignores the cursor", ignoresCursor: true, pageSize: 50 }
]

describe("every line is delivered exactly once, in order within each page", () => {
  it.each(hosts)("by $name", (host) => {
    for (let seed = 1; seed <= (host.ignoresCursor ? 30 : 100); seed++) {
      const { delivered, log } = follow(host, seed)
      const expected = log.map(({ at, text }) => `${stampOf(at)} ${text}`)
      assert.deepStrictEqual(delivered.toSorted(), expected.toSorted(), `seed ${seed}`)
    }
  })
})

it("a page that broke off out of order moves no cursor: what stands behind the cut may be older", () => {
  const progress = LogProgress.make()
  const accept = (cut: FlyError | null, ...seconds: ReadonlyArray<number>) => {
    const entries = seconds.map((at) => ({
      timestamp: stampOf(start + BigInt(at) * second),
      message: String(at),
      level: null,
      region: null,
      instance: null,
      appName: null
    }))
    const page: Page = {
      entries,
      ids: seconds.map(() => null),
      cursor: null,
      isFull: false,
      hostTime: Number(start / 1_000_000n) + 60_000,
      cut,
      skipped: 0
    }
    return progress.accept(page).entries.map(({ message }) => message)
  }
  accept(null, 1, 2)
  const from = () => BigInt(progress.cursor() ?? "0") - start
  assert.isBelow(Number(from()), Number(2n * second))
  assert.deepStrictEqual(accept(cutError, 10, 4), ["10", "4"])
  // what was read up to before the cut is still where the next page begins
  assert.isBelow(Number(from()), Number(2n * second))
  assert.deepStrictEqual(accept(null, 4, 5, 10), ["5"])
  // late lines are looked for once what is new has been read
  assert.deepStrictEqual(accept(null, 4, 5, 10), [])
  assert.isAtLeast(Number(from()), Number(2n * second))
})

describe("lines of one time", () => {
  const pageOf = (lines: ReadonlyArray<readonly [id: string | null, message: string, instance: string]>): Page => ({
    entries: lines.map(([, message, instance]) => ({
      timestamp: stampOf(start),
      message,
      level: null,
      region: null,
      instance,
      appName: null
    })),
    ids: lines.map(([id]) => id),
    cursor: null,
    isFull: false,
    skipped: 0
  })
  const long = "x".repeat(500)

  it("are told apart by id, machine and the whole of their texts, and each comes once", () => {
    const all = [
      ["1", "one", "m1"],
      ["1", "two", "m1"],
      ["2", "one", "m1"],
      [null, "one", "m1"],
      ["1", "one", "m2"],
      ["1", `${long}a`, "m1"],
      ["1", `${long}b`, "m1"]
    ] as const
    const progress = LogProgress.make()
    for (let count = 1; count <= all.length; count++) {
      const shown = all.slice(0, count)
      const { entries } = progress.accept(pageOf(count % 2 === 0 ? shown : shown.toReversed()))
      const [, message, instance] = all[count - 1] ?? [null, null, null]
      assert.deepStrictEqual(entries.map((one) => [one.message, one.instance]), [[message, instance]])
    }
    assert.deepStrictEqual(progress.accept(pageOf(all)).entries, [])
  })

  it("that is said once more in a later page comes once more", () => {
    const progress = LogProgress.make()
    const times = (count: number) => pageOf(Array.from({ length: count }, () => [null, "again", "m1"] as const))
    assert.deepStrictEqual([2, 1, 3, 2, 4].map((count) => progress.accept(times(count)).entries.length), [
      2,
      0,
      1,
      0,
      1
    ])
  })
})
