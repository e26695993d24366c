/**
 * A cloud made for simulation: an adapter over the ledger that loses answers, lags, lies, forgets and refuses as often as the
 * fault profile says, but keeps what every cloud promises about its settle window.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Atlas from "../../domain/AtlasError.ts"
import type { Compute } from "../../domain/Compute.ts"
import { ComputeId, ProviderId } from "../../domain/Ids.ts"
import { Usd } from "../../domain/Money.ts"
import { Spend } from "../../domain/Resources.ts"
import type { Adapter, PreparedSpawn } from "../../provider/Adapter.ts"
import type { Call } from "../../provider/Call.ts"
import * as Provider from "../../provider/Provider.ts"
import type { Machine, Origin } from "./Ledger.ts"
import type { Process } from "./Process.ts"
import type { Profile } from "./Profile.ts"
import type { Rng } from "./Rng.ts"
import { computeOf, givePorts, mispriced } from "./Shown.ts"
import type { World } from "./World.ts"

/** How long a machine may be missing from the answers of these clouds, in milliseconds. */
export const settleWindow = 5_000

/** How often these clouds may be asked while something is about to change, in milliseconds. */
const pollInterval = 5_000

/** The time limits of a create and of any other call, where the caller gives none, in milliseconds. */
const createLimit = 60_000
const otherLimit = 30_000

/**
 * Hears of the calls to a cloud.
 *
 * @category models
 * @since 0.1.0
 */
export interface Witness {
  /** A process is about to send a create. */
  readonly creating: (process: Process, name: string) => void
  /** A create has reached the cloud. */
  readonly created: (name: string) => void
  /** A create was rate limited: nothing was made, and it may be sent again. */
  readonly refused: (name: string) => void
  /** A process is about to send a delete. */
  readonly ending: (process: Process, provider: string, id: string) => void
  /** The log of a machine says how its command ended; `isSlow` where its cloud may not be asked at any time. */
  readonly exited: (machine: Machine, isSlow: boolean) => void
  /** A process has read so. */
  readonly readExit: (process: Process, machine: Machine) => void
  /** A log could not be read. */
  readonly unreadable: (machine: Machine) => void
  /** A whole listing has reached a process. */
  readonly listed: (process: Process, provider: string, ids: ReadonlyArray<string>) => void
}

type Reason = Atlas.AtlasErrorReason
type Wanted = Pick<PreparedSpawn, "name" | "request">
type Answer<A> = Result.Result<A, Reason>

/**
 * What a simulation does to the machines of a cloud, without any process under test.
 *
 * @category models
 * @since 0.1.0
 */
export interface CloudControls {
  readonly vanish: (machine: Machine) => void
  readonly fail: (machine: Machine) => void
  /** Listings of the account fail for so long, in milliseconds. */
  readonly blind: (millis: number) => void
  /** The machine stops, with an exit code when its command has ended. */
  readonly stop: (machine: Machine, exitCode: number | null) => void
  /** Whether it runs a command that says at the end of its log how it has ended, and has not said so yet. */
  readonly isCommanded: (machine: Machine) => boolean
  readonly setRate: (machine: Machine, rate: number) => void
  readonly rename: (machine: Machine, name: string) => void
  /** A machine appears under this name that no process under test asked for. */
  readonly plant: (name: string) => void
}

/**
 * One cloud account.
 *
 * @category models
 * @since 0.1.0
 */
export interface Cloud {
  readonly id: ProviderId
  /** Whether it shows the environment of its machines, by which a renamed one can be recognised. */
  readonly echoes: boolean
  readonly controls: CloudControls
  /** The account as one process reaches it. */
  readonly providerFor: (process: Process) => Effect.Effect<Provider.Made>
  /** Runs what can go on in the cloud itself; false when there was nothing. */
  readonly drain: () => boolean
}

/**
 * A cloud account in a world.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  world: World,
  name: string,
  witness: Witness,
  { isNumberedAlike, listing }: Pick<Profile, "isNumberedAlike" | "listing">,
  traits: Rng
): Cloud => {
  const { ledger, timeline } = world
  const id = ProviderId.make(name)
  const rng = world.rng.fork()
  const { faultRates } = world
  const trouble = (share: number): boolean => share > 0 && rng.chance(share)
  const travel = (): number => rng.chance(0.9) ? 5 + rng.below(120) : 200 + rng.below(1_500)

  /** How long a refusal asks to wait. */
  const pause = (seconds: number): Duration.Duration =>
    trouble(faultRates().hours) ? Duration.hours(1 + rng.below(6)) : Duration.seconds(seconds)

  let made = 0
  /** The id of the next machine, where this cloud does not number its machines together with the others. */
  const numbered = (): { readonly id?: ComputeId } => isNumberedAlike ? { id: ComputeId.make(`m${++made}`) } : {}
  /** Each of these clouds is slow in its own way: one listing takes about as long as the other. */
  const listingTakes = listing === null ? null : rng.between(...listing)

  const failure = (): Reason =>
    rng.pick<() => Reason>(
      () => new Atlas.ProviderFault({ message: "broken", status: 503 }),
      () => new Atlas.Transport({ message: "reset" }),
      () => new Atlas.Timeout({ message: "no answer" }),
      () => new Atlas.RateLimited({ message: "slower", retryAfter: pause(2) })
    )()

  /** Whether it lists a port that has no address yet. */
  const listsPending = traits.chance(0.5)

  const makeMachine = ({ name: stamped, request }: Wanted, origin: Origin, delay: number): Machine => {
    const bornAt = timeline.now() + delay
    const rates = faultRates()
    const machine = ledger.add({
      ...numbered(),
      provider: id,
      name: stamped,
      origin,
      isSpot: request.spot,
      bornAt,
      visibleAt: bornAt + (trouble(0.5) ? rng.below(settleWindow - 500) : 0),
      rate: rng.pick(0.5, 1, 2, 4),
      isPriced: !trouble(rates.noPrice),
      ignores: trouble(rates.deleteIgnored) ? 1 + rng.below(4) : 0,
      slowness: trouble(rates.deleteSlow) ? rng.below(90_000) : rng.below(300)
    })
    const begins = delay + 500 + rng.below(rng.chance(0.2) ? 60_000 : 8_000)
    if (request.ports.length > 0) {
      machine.mapsAt = timeline.now() + begins + traits.pick(0, 0, 5_000, 90_000, Number.POSITIVE_INFINITY)
      givePorts(machine, request.ports, listsPending)
    }
    timeline.after(begins, () => {
      if (machine.status === "provisioning") machine.status = "running"
    })
    world.note(() => `${name} makes ${machine.id} (${origin}) for ${stamped}, in ${delay} ms`)
    return machine
  }

  const kill = (machine: Machine): void => {
    if (machine.status === "terminated") return
    ledger.end(machine)
    machine.status = "terminated"
    machine.isRemoved = rng.chance(0.7)
    if (!machine.isRemoved) timeline.after(rng.below(600_000), () => void (machine.isRemoved = true))
    else if (faultRates().flicker > 0) machine.ghostUntil = timeline.now() + rng.below(3_000)
    world.note(() => `${name}: ${machine.id} is gone`)
  }

  const refusal = (): Reason =>
    rng.pick<() => Reason>(
      () => new Atlas.NoCapacity({ message: "sold out" }),
      () => new Atlas.NoCapacity({ message: "sold out" }),
      () => new Atlas.Forbidden({ message: "not you" }),
      () => new Atlas.ProviderFault({ message: "odd", status: 422 })
    )()

  const create = (wanted: Wanted): Answer<Compute> | null => {
    witness.created(wanted.name)
    const rates = faultRates()
    if (trouble(rates.limit)) {
      return Result.fail(new Atlas.RateLimited({ message: "slower", retryAfter: pause(1 + rng.below(5)) }))
    }
    if (trouble(rates.odd)) {
      const isPrice = rng.chance(0.5)
      return isPrice
        ? Result.succeed(mispriced(makeMachine(wanted, "rent", 0), timeline.now()))
        : Result.fail(new Atlas.RateLimited({ message: "never", retryAfter: Duration.infinity }))
    }
    if (trouble(rates.refuse)) return Result.fail(refusal())
    if (!trouble(rates.lose)) {
      const machine = makeMachine(wanted, "rent", 0)
      if (trouble(rates.duplicate)) makeMachine(wanted, "duplicate", rng.below(settleWindow))
      return Result.succeed(computeOf(machine, timeline.now()))
    }
    const draw = rng.next()
    if (trouble(rates.late)) makeMachine(wanted, "late", 15_000 + rng.below(600_000))
    else if (draw < 0.7) {
      // a queue in the cloud may make it a whole settle window after it has given up on the answer
      makeMachine(wanted, "rent", rng.chance(0.5) ? rng.below(settleWindow - 500) : 0)
      if (trouble(rates.duplicate)) makeMachine(wanted, "duplicate", rng.below(settleWindow))
    }
    return rng.chance(0.2) ? null : Result.fail(
      rng.pick<() => Reason>(
        () => new Atlas.Transport({ message: "reset" }),
        () => new Atlas.ProviderFault({ message: "broken", status: 500 }),
        () => new Atlas.Unknown({ message: "unreadable" })
      )()
    )
  }

  const get = (wanted: string): Answer<Compute> => {
    if (trouble(faultRates().getFails)) return Result.fail(failure())
    const machine = ledger.find(id, wanted)
    // what is renamed as well could be known by nothing
    const isKnown = machine !== undefined && ledger.isVisible(machine) && machine.name === machine.madeAs
    if (isKnown && trouble(faultRates().deny)) {
      machine.deniedAt = timeline.now()
      world.note(() => `${name} denies that there is ${machine.id}`)
      return Result.fail(new Atlas.NotFound({ message: "no such machine" }))
    }
    return machine === undefined || !ledger.isVisible(machine)
      ? Result.fail(new Atlas.NotFound({ message: "no such machine" }))
      : Result.succeed(computeOf(machine, timeline.now()))
  }

  const isListed = (machine: Machine): boolean =>
    machine.provider === id && ledger.isVisible(machine) && machine.hiddenUntil <= timeline.now()
  const isGhost = (machine: Machine): boolean =>
    machine.provider === id && machine.isRemoved && machine.ghostUntil > timeline.now()

  /** Until when no listing is answered, and what is said instead; null for no word at all. */
  let blindUntil = 0
  let excuse: Reason | null = null

  const list = (): Answer<ReadonlyArray<Compute>> | null => {
    if (timeline.now() < blindUntil) return excuse === null ? null : Result.fail(excuse)
    if (trouble(faultRates().listFails)) return Result.fail(failure())
    return Result.succeed(
      ledger.all.flatMap((machine) => {
        if (isListed(machine)) return [computeOf(machine, timeline.now())]
        return isGhost(machine) ? [computeOf(machine, timeline.now(), "running")] : []
      })
    )
  }

  const terminate = (wanted: string): Answer<void> => {
    const rates = faultRates()
    const machine = ledger.find(id, wanted)
    if (machine === undefined || !ledger.isVisible(machine)) {
      return Result.fail(new Atlas.NotFound({ message: "no such machine" }))
    }
    const fails = trouble(rates.deleteFails)
    if (fails && rng.chance(0.6)) return Result.fail(failure())
    if (machine.ignores > 0) machine.ignores -= 1
    else timeline.after(machine.slowness, () => kill(machine))
    return fails ? Result.fail(failure()) : Result.succeed(undefined)
  }

  /** Bills lag. */
  const bill = (machine: Machine): Spend =>
    new Spend({
      computeId: machine.id,
      provider: id,
      totalUsd: Usd.make(ledger.cost(machine) * rng.next()),
      gpuUsd: null,
      cpuUsd: null,
      diskUsd: null,
      from: null,
      to: null,
      raw: null
    })

  const adapterFor = (process: Process): Adapter => {
    const call = <A>(
      label: string,
      { timeout }: Call,
      otherwise: number,
      act: () => Answer<A> | null,
      hear?: (a: A) => void,
      takes?: number
    ) => {
      const millis = Math.min(otherwise, timeout === null ? otherwise : Duration.toMillis(timeout))
      return world.call<A, Reason>(process, {
        label: `${name} ${label}`,
        travel: takes ?? travel(),
        outlives: rng.chance(0.6),
        act: (answer) => {
          const result = act()
          if (result !== null) answer(result)
        },
        back: travel(),
        limit: { millis, error: () => new Atlas.Timeout({ message: "no answer in time" }) },
        heard: hear
      })
    }
    return {
      id: name,
      flags: ["spot", "exit_codes"],
      settleWindow,
      pollInterval,
      compute: {
        spawn: (prepared, options) =>
          Effect.suspend(() => {
            witness.creating(process, prepared.name)
            for (const value of Object.values(prepared.env)) world.secrets.add(Redacted.value(value))
            return call(
              `create ${prepared.name}`,
              options,
              createLimit,
              () => create(prepared),
              undefined,
              trouble(faultRates().hang) ? 20_000 + rng.below(35_000) : undefined
            )
          }),
        get: (wanted, options) => Effect.suspend(() => call(`get ${wanted}`, options, otherLimit, () => get(wanted))),
        list: (filter, options) =>
          Effect.suspend(() =>
            call(filter.name === undefined ? "list" : `list ${filter.name}`, options, otherLimit, list, (all) => {
              if (filter.name === undefined) witness.listed(process, id, all.map((one) => one.id))
            }, listingTakes === null ? undefined : listingTakes * rng.between(0.9, 1.1))
          ),
        terminate: (wanted, options) =>
          Effect.suspend(() => {
            witness.ending(process, id, wanted)
            return call(`delete ${wanted}`, options, otherLimit, () => terminate(wanted))
          })
      },
      billing: {
        spend: (wanted, _window, options) =>
          Effect.suspend(() =>
            call(`bill ${wanted}`, options, otherLimit, () => {
              const machine = ledger.find(id, wanted)
              return machine === undefined || trouble(faultRates().getFails)
                ? Result.fail(failure())
                : Result.succeed(bill(machine))
            })
          )
      }
    }
  }

  return {
    id,
    echoes: false,
    providerFor: (process) => Effect.sync(() => Provider.make(adapterFor(process))),
    drain: () => false,
    controls: {
      vanish: (machine) => {
        ledger.end(machine)
        machine.status = "terminated"
        machine.isRemoved = true
      },
      fail: (machine) => {
        ledger.end(machine)
        machine.status = "failed"
      },
      stop: (machine, exitCode) => {
        machine.status = "stopped"
        machine.exitCode = exitCode
      },
      isCommanded: () => false,
      blind: (millis) => {
        blindUntil = timeline.now() + millis
        ledger.blind(id, blindUntil)
        excuse = traits.pick<Reason | null>(
          new Atlas.ProviderFault({ message: "broken", status: 503 }),
          new Atlas.Transport({ message: "reset" }),
          null
        )
      },
      setRate: ledger.setRate,
      rename: (machine, renamed) => {
        machine.name = renamed
      },
      plant: (planted) => {
        const now = timeline.now()
        const machine = ledger.add({
          ...numbered(),
          provider: id,
          name: planted,
          origin: "planted",
          isSpot: false,
          bornAt: now,
          visibleAt: now,
          rate: 1,
          isPriced: true,
          status: "running"
        })
        world.note(() => `${machine.id} appears as ${machine.name}`)
      }
    }
  }
}
