/** The words by which RunPod says that it has no machine left, each with where it was seen. None of them means that anything was made. */
import * as CapacityWords from "../../../provider/CapacityWords.ts"

export const table: ReadonlyArray<CapacityWords.CapacityWords> = [
  // also as "with enough disk space" (runpod/runpod-python issue 297) and "with the request specifications" (dstackai/dstack issue 1740)
  { words: "no longer any instances available", source: "runpod/runpodctl issue 189; recorded v2 answers, 400" },
  {
    words: "no instances currently available",
    source: "reports of create answers, 500, as `create pod: There are ...`"
  },
  // also as "to deploy this pod" (TheLastBen/fast-stable-diffusion issue 2484)
  { words: "does not have the resources to deploy", source: "reports of create answers, 400 and 500" },
  { words: "could not find any pods with required specifications", source: "recorded answers, 400" },
  // a stopped pod starts on its own host alone, where others may have rented the GPUs
  {
    words: "not enough free gpus on the host machine",
    source: "runpod/runpod-python issue 168; v2 start answers, 400 and 500"
  },
  { words: "not enough free memory on the host machine", source: "reports of start answers without a GPU" }
]

export const saysNoCapacity = CapacityWords.reader(table)
