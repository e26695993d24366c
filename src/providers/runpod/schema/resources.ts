/**
 * What pods and endpoints are made from: templates, network volumes, registry credentials and the account's SSH keys.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import {
  containerAnswer,
  containerRequest,
  CudaVersion,
  Filled,
  maybe,
  MountsAnswer,
  Pagination,
  PersistentMount,
  whole
} from "./wire.ts"

/**
 * What a template is made for.
 *
 * @category models
 * @since 0.1.0
 */
export const TemplateCategory = Schema.Literals(["CPU", "NVIDIA", "AMD"])

const templateRequest = {
  ...containerRequest,
  mounts: Schema.optionalKey(Schema.Struct({ persistent: Schema.optionalKey(PersistentMount) })),
  serverless: Schema.optionalKey(Schema.Boolean),
  public: Schema.optionalKey(Schema.Boolean),
  category: Schema.optionalKey(TemplateCategory),
  startSsh: Schema.optionalKey(Schema.Boolean),
  startJupyter: Schema.optionalKey(Schema.Boolean),
  allowedCudaVersions: Schema.optionalKey(Schema.Array(CudaVersion))
}

/**
 * The body of a create: `name` and `image`; it is for pods unless `serverless`, and starts SSH and Jupyter unless told.
 *
 * @category models
 * @since 0.1.0
 */
export const CreateTemplateRequest = Schema.Struct({ ...templateRequest, name: Filled, image: Schema.String })

/**
 * @category models
 * @since 0.1.0
 */
export type CreateTemplateRequest = typeof CreateTemplateRequest.Type

/**
 * The body of a change, which does not reach what was made from the template before.
 *
 * @category models
 * @since 0.1.0
 */
export const UpdateTemplateRequest = Schema.Struct({ ...templateRequest, name: Schema.optionalKey(Filled) })

/**
 * @category models
 * @since 0.1.0
 */
export type UpdateTemplateRequest = typeof UpdateTemplateRequest.Type

/**
 * A template as RunPod tells of it.
 *
 * @category models
 * @since 0.1.0
 */
export const Template = Schema.Struct({
  ...containerAnswer,
  id: Schema.String,
  name: maybe(Schema.String),
  mounts: maybe(MountsAnswer),
  serverless: maybe(Schema.Boolean),
  public: maybe(Schema.Boolean),
  category: maybe(Schema.String),
  startSsh: maybe(Schema.Boolean),
  startJupyter: maybe(Schema.Boolean),
  allowedCudaVersions: maybe(Schema.Array(Schema.String))
})

/**
 * @category models
 * @since 0.1.0
 */
export type Template = typeof Template.Type

/**
 * One page of templates.
 *
 * @category models
 * @since 0.1.0
 */
export const TemplateList = Schema.Struct({
  templates: Schema.Array(Template),
  pagination: Pagination
})

/**
 * How a network volume is stored.
 *
 * @category models
 * @since 0.1.0
 */
export const VolumeType = Schema.Literals(["STANDARD", "HIGH_PERFORMANCE"])

const VolumeSize = whole(10, 4096)

/**
 * The body of a create: `size` is 10 to 4096 GB, `type` the data center's own unless given.
 *
 * @category models
 * @since 0.1.0
 */
export const CreateNetworkVolumeRequest = Schema.Struct({
  name: Filled,
  size: VolumeSize,
  dataCenter: Filled,
  type: Schema.optionalKey(VolumeType)
})

/**
 * @category models
 * @since 0.1.0
 */
export type CreateNetworkVolumeRequest = typeof CreateNetworkVolumeRequest.Type

/**
 * The body of a change: a new name, a larger size, or both.
 *
 * @category models
 * @since 0.1.0
 */
export const UpdateNetworkVolumeRequest = Schema.Struct({
  name: Schema.optionalKey(Filled),
  size: Schema.optionalKey(VolumeSize)
}).check(Schema.makeFilter((body) => Object.keys(body).length > 0, { expected: "a name, a size, or both" }))

/**
 * @category models
 * @since 0.1.0
 */
export type UpdateNetworkVolumeRequest = typeof UpdateNetworkVolumeRequest.Type

/**
 * A network volume as RunPod tells of it; `size` in GB.
 *
 * @category models
 * @since 0.1.0
 */
export const NetworkVolume = Schema.Struct({
  id: Schema.String,
  name: maybe(Schema.String),
  size: maybe(Schema.Finite),
  dataCenter: maybe(Schema.String),
  type: maybe(Schema.String)
})

/**
 * @category models
 * @since 0.1.0
 */
export type NetworkVolume = typeof NetworkVolume.Type

/**
 * All network volumes; this list has no pages.
 *
 * @category models
 * @since 0.1.0
 */
export const NetworkVolumeList = Schema.Struct({ networkVolumes: Schema.Array(NetworkVolume) })

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

/**
 * A registry credential; what it holds never comes back.
 *
 * @category models
 * @since 0.1.0
 */
export const Registry = Schema.Struct({ id: Schema.String, name: Schema.String })

/**
 * @category models
 * @since 0.1.0
 */
export type Registry = typeof Registry.Type

/**
 * All registry credentials; this list has no pages.
 *
 * @category models
 * @since 0.1.0
 */
export const RegistryList = Schema.Struct({ registries: Schema.Array(Registry) })

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
