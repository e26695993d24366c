/**
 * Says once which tests are skipped because their server is not on this machine.
 */
import * as Postgres from "./support/postgres.ts"
import * as Redis from "./support/redis.ts"

export default (): void => {
  if (Redis.isSkipped) console.warn(`Tests with Redis are skipped: ${Redis.whyNot}`)
  if (Postgres.isSkipped) console.warn(`Tests with PostgreSQL are skipped: ${Postgres.whyNot}`)
}
