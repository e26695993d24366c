/**
 * Reading stamped names, which every listing does for every compute of the account, against the bare pattern.
 */
import { NameStamp } from "effect-atlas"
import * as Effect from "effect/Effect"
import { compare } from "./measure.ts"

const names = Array.from({ length: 1000 }, (_, i) =>
  i % 3 === 0
    ? `other-machine-${i}`
    : NameStamp.render(Effect.runSync(NameStamp.adhoc(`job ${i}`))))
const pattern = /^atlas-([a-z0-9]{1,16})-([a-z0-9](?:[a-z0-9-]{0,22}[a-z0-9])?)-([a-z2-7]{12})$/

let ours = 0
await compare([
  {
    name: "bare pattern",
    run: (times) => {
      for (let i = 0; i < times; i++) if (pattern.exec(names[i % 1000] ?? "") !== null) ours++
    }
  },
  {
    name: "NameStamp.parse",
    run: (times) => {
      for (let i = 0; i < times; i++) if (NameStamp.parse(names[i % 1000] ?? "") !== null) ours++
    }
  }
], 500_000)
if (ours === 0) throw new Error("no name was ours")
