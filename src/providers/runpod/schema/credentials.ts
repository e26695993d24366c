/**
 * Credentials as they are given: those of image registries, and the account's SSH keys.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { Filled } from "./wire.ts"

const text = (maximum: number) => Filled.check(Schema.isMaxLength(maximum, { expected: `1 to ${maximum} characters` }))

/**
 * The body of a create: a name for the credential, and the user and password it stands for.
 *
 * @category models
 * @since 0.1.0
 */
export const CreateRegistryRequest = Schema.Struct({
  name: text(191),
  username: text(191),
  password: Schema.Union([text(16_384), Schema.Redacted(text(16_384))])
})

/**
 * @category models
 * @since 0.1.0
 */
export type CreateRegistryRequest = typeof CreateRegistryRequest.Type

const SshKey = Schema.String.check(
  Schema.isPattern(/^(ssh|ecdsa|sk)-[^\s]+ [^\s]+([ \t][^\n\r]*)?$/, {
    expected: "a public key, such as ssh-ed25519 AAAA..."
  })
)

/**
 * The body that replaces all SSH keys of the account.
 *
 * @category models
 * @since 0.1.0
 */
export const UpdateSshKeysRequest = Schema.Struct({ keys: Schema.Array(SshKey) })

/**
 * @category models
 * @since 0.1.0
 */
export type UpdateSshKeysRequest = typeof UpdateSshKeysRequest.Type

/**
 * The account's public SSH keys.
 *
 * @category models
 * @since 0.1.0
 */
export const SshKeys = Schema.Struct({ keys: Schema.Array(Schema.String) })
