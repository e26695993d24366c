/** The text of a credential, for tests that look where it may stand. */
import { Credential } from "effect-atlas"
import * as Redacted from "effect/Redacted"

/** A bearer token or a signing secret; empty where there is no credential. */
export const secretOf = (auth: Credential.Credential | null): string =>
  auth === null ? "" : Credential.reveal(auth).token

/** The Authorization header of a bearer credential; empty for any other. */
export const headerOf = (auth: Credential.Credential | null): string =>
  auth?._tag === "Bearer" ? Redacted.value(auth.header) : ""

/** A bearer credential of this token. */
export const bearerOf = (token: string): Credential.Bearer =>
  new Credential.Bearer({
    token: Redacted.make(token),
    header: Redacted.make(`Bearer ${token}`),
    hash: "0".repeat(64)
  })
