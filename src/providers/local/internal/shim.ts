/**
 * The tiny shell that leads each compute's process group.
 *
 * It writes who it is before it runs the command, sends the output to the log, outlives the command by a moment and records
 * how it ended. So a later process of ours knows what an earlier one started, whatever happened to that one.
 */
import * as Effect from "effect/Effect"
import type * as PlatformError from "effect/PlatformError"
import * as ChildProcess from "effect/process/ChildProcess"
import * as ChildProcessSpawner from "effect/process/ChildProcessSpawner"
import type * as Redacted from "effect/Redacted"

/*
 * $1 the compute's directory, $2 the number of this run, the rest the command. Nothing of the caller's is ever part of
 * the script. `command -p` finds cat and mv whatever PATH the command is given. Files appear by rename, never half written.
 * The traps keep the shell alive through a signal to the group; a trapped signal is back to its default in the command.
 * What the shell itself has to say ("Terminated") is no output of the command. It exits 0 in any case: how the command
 * ended is in the record.
 */
const script = `
umask 077
dir=$1 run=$2
shift 2
exec 3>>"$dir/log" >/dev/null 2>&1 </dev/null
trap : TERM INT HUP
nth20() { shift 19; printf %s "$1"; }
if [ -r /proc/$$/stat ]; then
  read -r stat </proc/$$/stat
  read -r boot </proc/sys/kernel/random/boot_id
  start=$boot:$(nth20 \${stat##*) })
else
  start=$(LC_ALL=C command -p ps -o lstart= -p $$)
  while [ "\${start% }" != "$start" ]; do start=\${start% }; done
fi
{ command -p cat "$dir/.head.$run" && printf '"pid":%s,"pidStart":"%s"}\\n' "$$" "$start"; } >"$dir/.state.$run" || exit 0
command -p mv -f "$dir/.state.$run" "$dir/state.json" || exit 0
command -p rm -f "$dir/.head.$run"
( exec "$@" >&3 2>&3 3>&- )
code=$?
{ printf '%s\\n' "$code" >"$dir/.exit.$run" && command -p mv -f "$dir/.exit.$run" "$dir/exit.$run"; } 2>/dev/null
exit 0
`

/** Starts a run; it leads a group of its own, holds nothing of ours open, and does not end with us. */
export const start = (options: {
  readonly directory: string
  readonly run: number
  readonly command: readonly [string, ...ReadonlyArray<string>]
  readonly cwd: string
  readonly env: Readonly<Record<string, Redacted.Redacted | string>>
}): Effect.Effect<void, PlatformError.PlatformError, ChildProcessSpawner.ChildProcessSpawner> =>
  Effect.scoped(
    Effect.gen(function*() {
      const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
      const handle = yield* spawner.spawn(
        ChildProcess.make(
          "/bin/sh",
          ["-c", script, "atlas-compute", options.directory, String(options.run), ...options.command],
          {
            cwd: options.cwd,
            env: { ...options.env },
            extendEnv: false,
            detached: true,
            stdin: "ignore",
            stdout: "ignore",
            stderr: "ignore"
          }
        )
      )
      // a child that is not referenced is left alone when the scope closes
      yield* Effect.asVoid(handle.unref)
    }).pipe(Effect.uninterruptible)
  )
