/**
 * Child processes that use a store: starts them, reads their output and kills them.
 */
import * as Effect from "effect/Effect"
import { type ChildProcess, spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { fromSources } from "../../../.config/sources.mjs"
import { programOf } from "../../support/programs.ts"

/** A child process that works with a store; killed when the scope closes. */
export const worker = (...args: ReadonlyArray<string>) =>
  Effect.acquireRelease(
    Effect.sync(() =>
      spawn(process.execPath, [
        fromSources,
        programOf("storeWorker"),
        ...args
      ], { stdio: ["ignore", "pipe", "inherit"] })
    ),
    (child) => Effect.sync(() => void child.kill("SIGKILL"))
  )

/** Reads its output line by line; `false` from `onLine` stops reading. */
export const lines = (child: ChildProcess, onLine: (line: string) => boolean) =>
  Effect.callback<void>((resume) => {
    if (child.stdout === null) return resume(Effect.void)
    const reader = createInterface({ input: child.stdout })
    reader.on("line", (line) => {
      if (!onLine(line)) resume(Effect.void)
    })
    child.once("close", () => resume(Effect.void))
  })

/** The first line of its output; null when it ended without one. */
export const firstLine = (child: ChildProcess) =>
  Effect.suspend(() => {
    let first: string | null = null
    return Effect.map(
      lines(child, (line) => {
        first ??= line
        return false
      }),
      () => first
    )
  })

/** Kills it with SIGKILL and waits until it is gone. */
export const kill = (child: ChildProcess) =>
  Effect.callback<void>((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
    child.once("exit", () => resume(Effect.void))
    child.kill("SIGKILL")
  })
