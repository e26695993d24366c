/**
 * What the fake sells: GPU types, CPU flavors and data centers as RunPod listed them in autumn 2026.
 *
 * Prices move; where none was known, a plausible one is used. Nothing but tests should rely on them.
 */
export type Stock = "NONE" | "LOW" | "MEDIUM" | "HIGH"
export type CloudName = "SECURE" | "COMMUNITY"

export interface Gpu {
  readonly id: string
  readonly name: string
  readonly pool: string | null
  readonly manufacturer: "NVIDIA" | "AMD" | "UNKNOWN"
  /** GB. */
  readonly memory: number
  /** US dollars per hour for one; 0 where it is not sold. */
  readonly secure: number
  readonly community: number
  readonly serverless: number | null
}

const nvidia = (
  id: string,
  name: string,
  memory: number,
  pool: string | null,
  secure: number,
  community: number,
  serverless: number | null = null
): Gpu => ({ id, name, memory, pool, secure, community, serverless, manufacturer: "NVIDIA" })

export const gpus: ReadonlyArray<Gpu> = [
  nvidia("NVIDIA H100 80GB HBM3", "H100 SXM", 80, "ADA_80_PRO", 3.49, 2.69, 4.79),
  nvidia("NVIDIA H100 PCIe", "H100 PCIe", 80, null, 2.89, 1.99),
  nvidia("NVIDIA H100 NVL", "H100 NVL", 94, null, 3.19, 2.59),
  nvidia("NVIDIA H200", "H200 SXM", 141, "HOPPER_141", 4.39, 3.59, 5.58),
  nvidia("NVIDIA B200", "B200", 180, "BLACKWELL_180", 6.39, 5.98, 8.64),
  nvidia("NVIDIA A100 80GB PCIe", "A100 PCIe", 80, "AMPERE_80", 1.49, 1.19, 2.74),
  nvidia("NVIDIA A100-SXM4-80GB", "A100 SXM", 80, "AMPERE_80", 1.64, 1.39, 2.74),
  nvidia("NVIDIA A100-SXM4-40GB", "A100 SXM 40GB", 40, null, 0, 1),
  nvidia("NVIDIA L40S", "L40S", 48, "ADA_48_PRO", 0.99, 0.79, 1.91),
  nvidia("NVIDIA L40", "L40", 48, "ADA_48_PRO", 0.89, 0.69, 1.91),
  nvidia("NVIDIA L4", "L4", 24, "ADA_24", 0.49, 0.44, 0.68),
  nvidia("NVIDIA A40", "A40", 48, "AMPERE_48", 0.44, 0.35, 1.22),
  nvidia("NVIDIA RTX A6000", "RTX A6000", 48, "AMPERE_48", 0.53, 0.33, 1.22),
  nvidia("NVIDIA RTX A5000", "RTX A5000", 24, "AMPERE_24", 0.27, 0.16, 0.68),
  nvidia("NVIDIA RTX A4500", "RTX A4500", 20, "AMPERE_24", 0.25, 0.19, 0.58),
  nvidia("NVIDIA RTX A4000", "RTX A4000", 16, "AMPERE_16", 0.25, 0.17, 0.58),
  nvidia("NVIDIA RTX 6000 Ada Generation", "RTX 6000 Ada", 48, "ADA_48_PRO", 0.84, 0.74, 1.91),
  nvidia("NVIDIA RTX 4000 Ada Generation", "RTX 4000 Ada", 20, "AMPERE_16", 0.26, 0.2, 0.58),
  nvidia("NVIDIA GeForce RTX 5090", "RTX 5090", 32, "ADA_32_PRO", 0.94, 0.69, 1.58),
  nvidia("NVIDIA GeForce RTX 4090", "RTX 4090", 24, "ADA_24", 0.74, 0.34, 1.1),
  nvidia("NVIDIA GeForce RTX 3090", "RTX 3090", 24, "AMPERE_24", 0.46, 0.22, 0.68),
  nvidia("NVIDIA RTX PRO 6000 Blackwell Server Edition", "RTX PRO 6000", 96, "BLACKWELL_96", 1.84, 0.89, 4),
  nvidia("Tesla V100-SXM2-16GB", "V100 SXM2", 16, null, 0.29, 0.23),
  {
    id: "AMD Instinct MI300X OAM",
    name: "MI300X",
    memory: 192,
    pool: null,
    secure: 2.39,
    community: 0.5,
    serverless: null,
    manufacturer: "AMD"
  },
  // RunPod really lists this one
  {
    id: "unknown",
    name: "unknown",
    memory: 0,
    pool: null,
    secure: 0,
    community: 0,
    serverless: null,
    manufacturer: "UNKNOWN"
  }
]

/** CUDA versions its NVIDIA machines have, newest first. */
export const cudaVersions: ReadonlyArray<string> = ["13.0", "12.9", "12.8", "12.7", "12.6", "12.4"]

/** How many of one type a single pod can have. */
export const maxCount = { secure: 8, community: 4 } as const

export interface Cpu {
  readonly id: string
  readonly name: string
  readonly group: string
  readonly vcpu: { readonly min: number; readonly max: number }
  readonly ramGbPerVcpu: number
  /** US dollars per hour for one vCPU. */
  readonly price: { readonly securePerVcpu: number; readonly serverlessPerVcpu: number }
}

const flavor = (id: string, group: string, ramGbPerVcpu: number, max: number, price: number): Cpu => ({
  id,
  name: `${group} ${ramGbPerVcpu} GB per vCPU`,
  group,
  vcpu: { min: 2, max },
  ramGbPerVcpu,
  price: { securePerVcpu: price, serverlessPerVcpu: price * 1.2 }
})

export const cpus: ReadonlyArray<Cpu> = [
  flavor("cpu3c", "Compute-Optimized", 2, 32, 0.03),
  flavor("cpu3g", "General Purpose", 4, 32, 0.04),
  flavor("cpu5c", "Compute-Optimized", 2, 32, 0.035),
  flavor("cpu5g", "General Purpose", 4, 32, 0.045)
]

export interface DataCenter {
  readonly id: string
  readonly name: string
  readonly region: "NORTH_AMERICA" | "EUROPE" | "ASIA" | "OCEANIA"
  readonly country: string
  readonly globalNetwork: boolean
  readonly networkVolumeTypes: ReadonlyArray<"STANDARD" | "HIGH_PERFORMANCE">
  readonly compliance: ReadonlyArray<string>
}

const center = (
  id: string,
  region: DataCenter["region"],
  country: string,
  networkVolumeTypes: DataCenter["networkVolumeTypes"] = ["STANDARD"],
  compliance: ReadonlyArray<string> = ["SOC_2_TYPE_2"]
): DataCenter => ({
  id,
  name: id,
  region,
  country,
  globalNetwork: networkVolumeTypes.length > 0,
  networkVolumeTypes,
  compliance
})

export const dataCenters: ReadonlyArray<DataCenter> = [
  center("US-CA-2", "NORTH_AMERICA", "US", ["STANDARD", "HIGH_PERFORMANCE"], ["SOC_2_TYPE_2", "HIPAA"]),
  center("US-KS-2", "NORTH_AMERICA", "US"),
  center("US-TX-3", "NORTH_AMERICA", "US", []),
  center("US-GA-2", "NORTH_AMERICA", "US"),
  center("CA-MTL-1", "NORTH_AMERICA", "CA", []),
  center("EU-RO-1", "EUROPE", "RO", ["STANDARD", "HIGH_PERFORMANCE"], ["GDPR", "ISO_IEC_27001"]),
  center("EU-CZ-1", "EUROPE", "CZ", ["STANDARD"], ["GDPR"]),
  center("EU-SE-1", "EUROPE", "SE", [], ["GDPR", "RENEWABLE"]),
  center("EUR-IS-1", "EUROPE", "IS", ["STANDARD"], ["GDPR", "RENEWABLE"]),
  center("EUR-NO-1", "EUROPE", "NO", ["STANDARD"], ["GDPR"]),
  center("AP-JP-1", "ASIA", "JP", []),
  center("OC-AU-1", "OCEANIA", "AU", [])
]
