/**
 * The failures of a session store, in sentences of this library.
 */
import { AtlasError, StorageFault } from "../../domain/AtlasError.ts"
import type { Owner } from "../../provider/NameStamp.ts"

/** A failure of a store's operation; the message holds no content of a row. */
export const storageFault = (operation: string, message: string): AtlasError =>
  new AtlasError({ provider: null, operation, reason: new StorageFault({ message }) })

/** Another process holds the owner lock. */
export const alreadyLocked = (owner: Owner, holder: string): AtlasError =>
  storageFault("lock", `an orchestrator of the owner ${owner} is running already: ${holder}`)
