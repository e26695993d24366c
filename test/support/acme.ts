/** A machine of a cloud that tests make up: running, and nothing else is known of it. */
import { Compute, Ids } from "effect-atlas"

export const acme = Ids.ProviderId.make("acme")

export const machine = (fields: Partial<Compute.Compute> = {}): Compute.Compute =>
  new Compute.Compute({
    id: Ids.ComputeId.make("acme-1"),
    provider: acme,
    status: "running",
    ...fields
  })
