import * as Dispatcher from "effect-atlas/events/Dispatcher"
import type { FlyLogs, FlyTokens } from "effect-atlas/fly"
import { Fly, type FlyCli, type FlyError, type FlyLogStream, TokenStorage } from "effect-atlas/fly"
import * as TokenStorageSql from "effect-atlas/fly/TokenStorageSql"
import * as SqliteNode from "effect-atlas/storage/SqliteNode"
import type * as FileSystem from "effect/FileSystem"
import type * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import type * as Path from "effect/Path"
import type * as Redis from "effect/persistence/Redis"
import type * as ChildProcessSpawner from "effect/process/ChildProcessSpawner"
import type * as SqlError from "effect/sql/SqlError"
import { describe, expect, it } from "tstyche"

type Platform =
  | HttpClient.HttpClient
  | FileSystem.FileSystem
  | Path.Path
  | ChildProcessSpawner.ChildProcessSpawner

type Everything =
  | Fly.Fly
  | FlyCli.FlyCli
  | FlyTokens.FlyTokens
  | FlyLogs.FlyLogs
  | FlyLogStream.FlyLogStream
  | Dispatcher.Dispatcher

declare const redis: Layer.Layer<Redis.Redis, Redis.RedisError>
declare const isEnabled: boolean

const sqlite = TokenStorageSql.layer.pipe(Layer.provide(SqliteNode.layer({ filename: ":memory:" })))

describe("Fly.layer", () => {
  it("gives the facade and every part", () => {
    expect(Fly.layer()).type.toBe<Layer.Layer<Everything, FlyError.FlyError, Platform>>()
    expect(Fly.layer({ enabled: true, tokens: { org: "acme" }, logs: { interval: "1 second" } }))
      .type.toBe<Layer.Layer<Everything, FlyError.FlyError, Platform>>()
  })

  it("brings in the failures and the needs of the parts that stand in, all of them", () => {
    const bus = Dispatcher.layerRedis().pipe(Layer.provide(redis))
    expect(Fly.layer({ parts: Layer.mergeAll(sqlite, bus) }))
      .type.toBe<Layer.Layer<Everything, FlyError.FlyError | SqlError.SqlError | Redis.RedisError, Platform>>()
    expect(Fly.layer({ parts: Dispatcher.layerRedis() }))
      .type.toBe<Layer.Layer<Everything, FlyError.FlyError, Platform | Redis.Redis>>()
  })

  it("switched off needs nothing, cannot fail and gives the facade alone", () => {
    expect(Fly.layer({ enabled: false })).type.toBe<Layer.Layer<Fly.Fly>>()
    expect(Fly.layer({ enabled: false, tokens: { org: "acme" }, parts: sqlite })).type.toBe<Layer.Layer<Fly.Fly>>()
    expect(Fly.layerDisabled).type.toBe<Layer.Layer<Fly.Fly>>()
  })

  it("gives only the facade where a setting decides", () => {
    expect(Fly.layer({ enabled: isEnabled })).type.toBe<Layer.Layer<Fly.Fly, FlyError.FlyError, Platform>>()
    expect(Fly.layer({ enabled: isEnabled, parts: sqlite }))
      .type.toBe<Layer.Layer<Fly.Fly, FlyError.FlyError | SqlError.SqlError, Platform>>()
  })

  it("refuses what is no setting", () => {
    expect(Fly.layer).type.not.toBeCallableWith({ storage: TokenStorage.layerMemory })
    expect(Fly.layer).type.not.toBeCallableWith({ tokens: { organisation: "acme" } })
  })
})

describe("parts stand alone", () => {
  it("log pages need a source of tokens and no token service", () => {
    expect<Layer.Services<ReturnType<typeof FlyLogs.layerTokens>>>().type.not.toBeAssignableFrom<FlyTokens.FlyTokens>()
  })
})
