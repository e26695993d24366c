/** What RunPod calls the GPUs that have a canonical name: each type of its catalog, since each has a price of its own. */
import { driverNames, type GpuEntry } from "../../../domain/GpuCatalog.ts"

/** RunPod takes its names from the makers' drivers; a type that it calls otherwise would be an entry beside these. */
export const gpuNames: ReadonlyArray<GpuEntry> = driverNames

/** Whether a name is written as RunPod writes its own: the maker first. It adds types before this catalog knows them. */
export const isOwnName = (name: string): boolean => /^(?:NVIDIA|AMD|Tesla|Intel) {1,2}[A-Z0-9]/.test(name)
