/** What things cost: rates that hold from one moment to the next, and their integral. */

/** US dollars per hour, by kind. */
export interface Rate {
  readonly gpu: number
  readonly cpu: number
  readonly disk: number
}

export const noRate: Rate = { gpu: 0, cpu: 0, disk: 0 }

/** One thing's rates in order of time (wall-clock milliseconds); the last one holds until it is replaced. */
export type Meter = Array<{ readonly from: number; readonly rate: Rate }>

const hour = 3_600_000

/** Docs: per GB and month of 30 days. */
const month = 30 * 24
export const containerDisk = 0.1 / month
export const volumeRunning = 0.1 / month
export const volumeStopped = 0.2 / month
export const networkVolume = 0.07 / month

export const setRate = (meter: Meter, from: number, rate: Rate): void => {
  meter.push({ from, rate })
}

/** Dollars between two moments. */
export const spent = (meter: Meter, from: number, to: number): Rate =>
  meter.reduce((sum, { from: begun, rate }, index) => {
    const start = Math.max(from, begun)
    const end = Math.min(to, meter[index + 1]?.from ?? to)
    const hours = Math.max(0, end - start) / hour
    return { gpu: sum.gpu + rate.gpu * hours, cpu: sum.cpu + rate.cpu * hours, disk: sum.disk + rate.disk * hours }
  }, noRate)

export const total = ({ cpu, disk, gpu }: Rate): number => gpu + cpu + disk
