/**
 * Says once which tests are skipped because their server is not on this machine.
 */
import * as Postgres from "./support/postgres.ts"
import * as Redis from "./support/redis.ts"

export default (): void => {
  for (
    const { name, whyNot } of [{ name: "Redis", whyNot: Redis.whyNot }, { name: "PostgreSQL", whyNot: Postgres.whyNot }]
  ) {
    if (whyNot !== null) console.warn(`Tests with ${name} are skipped: ${whyNot}`)
  }
}
