/**
 * Processes of their own that use a store: started, heard and killed.
 */
import * as Effect from "effect/Effect"
import { type ChildProcess, spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { programOf } from "../../support/programs.ts"

/** A process of its own that does something with a store; killed with the scope. */
export const worker = (...args: ReadonlyArray<string>) =>
  Effect.acquireRelease(
    Effect.sync(() =>
      spawn(process.execPath, [
        "--conditions=effect-atlas-source",
        programOf("storeWorker"),
        ...args
      ], { stdio: ["ignore", "pipe", "inherit"] })
    ),
    (child) => Effect.sync(() => void child.kill("SIGKILL"))
  )

/** What it says, line by line; false from `onLine` stops listening. */
export const lines = (child: ChildProcess, onLine: (line: string) => boolean) =>
  Effect.callback<void>((resume) => {
    if (child.stdout === null) return resume(Effect.void)
    const reader = createInterface({ input: child.stdout })
    reader.on("line", (line) => {
      if (!onLine(line)) resume(Effect.void)
    })
    child.once("close", () => resume(Effect.void))
  })

/** The first line it says; null when it ended without a word. */
export const word = (child: ChildProcess) =>
  Effect.suspend(() => {
    let said: string | null = null
    return Effect.map(
      lines(child, (line) => {
        said ??= line
        return false
      }),
      () => said
    )
  })

/** Kills it the hard way and waits until it is gone. */
export const kill = (child: ChildProcess) =>
  Effect.callback<void>((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
    child.once("exit", () => resume(Effect.void))
    child.kill("SIGKILL")
  })
