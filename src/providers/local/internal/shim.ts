/**
 * The tiny shell that leads each compute's process group.
 *
 * It records its pid before it runs the command, sends the output to the log, outlives the command by a moment and records
 * how it ended. So a later atlas process knows what an earlier one started, whatever happened to that one.
 */
import * as Effect from "effect/Effect"
import type * as PlatformError from "effect/PlatformError"
import * as ChildProcess from "effect/process/ChildProcess"
import * as ChildProcessSpawner from "effect/process/ChildProcessSpawner"
import type * as Redacted from "effect/Redacted"

/*
 * $1 the compute's directory, $2 the number of this run, the rest the command. Nothing of the caller's is ever part of
 * the script. `command -p` finds cat and mv whatever PATH the command is given. Files appear by rename, never half written.
 * Variables and the umask are set in subshells only: what the shell sets itself, a variable of the caller's of that name
 * would carry on to the command. The traps keep the shell alive through a signal to the group; a trapped signal is back to
 * its default in the command. While the end is recorded, mv ignores signals too. What the shell itself prints
 * ("Terminated") is no output of the command. It exits 0 in any case: how the command ended is in the record.
 */
const script = `
exec 3>>"$1/log" >/dev/null 2>&1 </dev/null
trap : HUP INT QUIT USR1 USR2 PIPE ALRM TERM
(
  umask 077
  nth20() { shift 19; printf %s "$1"; }
  if [ -r /proc/$$/stat ]; then
    read -r stat </proc/$$/stat
    read -r boot </proc/sys/kernel/random/boot_id
    start=$boot:$(nth20 \${stat##*) })
  else
    start=$(LC_ALL=C TZ=UTC0 command -p ps -o lstart= -p $$)
    while [ "\${start% }" != "$start" ]; do start=\${start% }; done
    while [ "\${start# }" != "$start" ]; do start=\${start# }; done
  fi
  command -p cat "$1/.head.$2" >"$1/.state.$2" &&
  printf '"pid":%s,"pidStart":"%s"}\\n' "$$" "$start" >>"$1/.state.$2" &&
  command -p mv -f "$1/.state.$2" "$1/state.json" &&
  command -p rm -f "$1/.head.$2"
) || exit 0
( shift 2; exec "$@" >&3 2>&3 3>&- )
set -- "$1" "$2" "$?"
trap '' HUP INT QUIT USR1 USR2 PIPE ALRM TERM
umask 077
printf '%s\\n' "$3" >"$1/.exit.$2" && command -p mv -f "$1/.exit.$2" "$1/exit.$2"
exit 0
`

/** Names a shell does not pass on as they are: no names to it, or its own; the second kind can keep it from starting. */
export const cannotPass = (name: string): boolean =>
  !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) || /^(IFS|LINENO|OPTIND|PPID)$/.test(name)

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
