/**
 * Says once which tests are skipped because their server is not on this machine.
 */
import * as Postgres from "./postgres.ts"
import * as Redis from "./redis.ts"

export default (): void => {
  for (
    const { name, whyNot } of [{ name: "Redis", whyNot: Redis.whyNot }, { name: "PostgreSQL", whyNot: Postgres.whyNot }]
  ) {
    if (whyNot !== null) console.warn(`Tests with ${name} are skipped: ${whyNot}`)
  }
}
