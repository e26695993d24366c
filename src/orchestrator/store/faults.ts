/**
 * What a session store fails with.
 */
import { AtlasError, StorageFault } from "../../domain/AtlasError.ts"
import type { Owner } from "../../provider/NameStamp.ts"

/** A failure of the store at a verb, in a sentence without any row's content. */
export const storageFault = (operation: string, message: string): AtlasError =>
  new AtlasError({ provider: null, operation, reason: new StorageFault({ message }) })

/** Somebody else sits in the owner's seat. */
export const occupied = (owner: Owner, holder: string): AtlasError =>
  storageFault("lock", `an orchestrator of the owner ${owner} is running already: ${holder}`)
