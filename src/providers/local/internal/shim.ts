/**
 * The tiny shell that leads each compute's process group.
 *
 * It records its pid before it runs the command, outlives the command by a moment and records how it ended. So a later atlas
 * process knows what an earlier one started, whatever happened to that one. The command writes to a pipe, and a second shell, the
 * writer, puts what comes there into the log, within the log's limit: a disk that is full never stops the command.
 */
import * as Effect from "effect/Effect"
import type * as PlatformError from "effect/PlatformError"
import * as ChildProcess from "effect/process/ChildProcess"
import * as ChildProcessSpawner from "effect/process/ChildProcessSpawner"
import type * as Redacted from "effect/Redacted"

/*
 * The writer, in the compute's directory: copies its standard input to the file log. When that has its share of the limit, it
 * becomes log.START.END, named by the offsets of its bytes in the whole log, and the one before is removed. What cannot be written
 * is read all the same, a read at a time, so that little more is lost once there is room: the mode of a file notes it, which needs no
 * room, and a line says so then. dd reads and writes at once, and never more than it is told.
 * It ignores signals, so that what a command says while it is ended is written too, and removes the name of the pipe last.
 */
const writer = `
  trap '' HUP INT QUIT USR1 USR2 PIPE ALRM TERM
  umask 077
  cd "$1" || exit
  pipe=.out.$2 share=$3 base=0 lost=
  for part in log.*.*; do
    [ -f "$part" ] && [ "\${part##*.}" -gt "$base" ] && base=\${part##*.}
  done
  while :; do
    if [ "$lost" ]; then
      command -p chmod 0400 whole
      report=$(LC_ALL=C command -p dd bs=65536 count=1 2>&1 >/dev/null)
      case $report in '0+0 '*) break ;; esac
      command -p dd if=/dev/zero of=.room bs=65536 count=2
      room=$?
      command -p rm -f .room
      [ "$room" -eq 0 ] && printf '\natlas: what was written here is lost: the log could not be written, or its disk was full\n' >>log && lost=
      continue
    fi
    size=$(command -p wc -c <log) || size=0
    room=$((share - size))
    if [ "$room" -le 0 ]; then
      end=$((base + size))
      if command -p mv log "log.$base.$end"; then
        for part in log.*.*; do
          [ "\${part##*.}" = "$end" ] || command -p rm -f "$part"
        done
        base=$end
      else
        lost=1
      fi
      continue
    fi
    if [ "$room" -ge 65536 ]; then bytes=65536; else bytes=$room; fi
    report=$(LC_ALL=C command -p dd bs="$bytes" count=$((room / bytes)) 2>&1 >>log) || lost=1
    case $lost$report in '0+0 '*) break ;; esac
  done
  command -p rm -f "$pipe"
`

/*
 * A control group of its own, where the system lets this user make one: nothing that the command starts can leave it, whatever
 * it does to its environment and session. A compute that was started by another one gets its group beside that one's.
 */
const group = `
  while IFS= read -r line; do
    case $line in 0::*) own=\${line#0::} ;; esac
  done </proc/self/cgroup
  own=\${own%%/atlas-local-*}
  for root in /sys/fs/cgroup /sys/fs/cgroup/unified; do
    [ -f "$root/cgroup.controllers" ] || continue
    group=$root\${own%/}/atlas-\${1##*/}
    [ -d "$group" ] || command -p mkdir "$group" || continue
    printf '%s\n' "$group" >"$1/cgroup" && printf '%s\n' "$$" >"$group/cgroup.procs" && break
    command -p rmdir "$group"
  done
`

/*
 * $1 the compute's directory, $2 the number of this run, $3 the share of the log's limit that one file has, the rest the command.
 * Nothing of the caller's is ever part of the script. `command -p` finds programs whatever PATH the command is given. Files appear by
 * rename, never half written. Variables and the umask are set in subshells only: what the shell sets itself, a variable of the
 * caller's of that name would carry on to the command. The traps keep the shell alive through a signal to the group; a trapped
 * signal is back to its default in the command. What the shell itself prints ("Terminated") is no output of the command.
 *
 * The pipe has a name, so that a process that writes to it is known as the compute's. It is opened for both at first, since
 * opening one end alone would wait for the other. When the command has ended, what it wrote is waited for: until the writer is
 * done, or, where another process still holds the pipe, until the writer has been idle for half a second, has written more than
 * a pipe holds, or has had a second for that; the time in which the disk makes it wait is not counted. A writer that is
 * gone and has left the pipe's name was killed, which is noted as a loss. The exit code then overwrites a record that has its room already; with `<>`, since `>` would give up the room.
 * The shell exits 0 in any case: how the command ended is in the record.
 */
const script = `
exec >/dev/null 2>&1 </dev/null
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
  [ -r /proc/self/cgroup ] && ( ${group} )
  command -p mkfifo "$1/.out.$2" &&
  command -p cat "$1/.head.$2" >"$1/.state.$2" &&
  printf '"pid":%s,"pidStart":"%s"}\n' "$$" "$start" >>"$1/.state.$2" &&
  command -p mv -f "$1/.state.$2" "$1/state.json" &&
  command -p rm -f "$1/.head.$2"
) || exit 0
exec 3<>"$1/.out.$2"
exec 4>"$1/.out.$2" 5<"$1/.out.$2"
exec 3>&-
(
  exec <&5 4>&- 5>&-
  ${writer}
) &
exec 5<&-
( shift 3; exec "$@" >&4 2>&4 4>&- )
set -- "$1" "$2" "$?"
trap '' HUP INT QUIT USR1 USR2 PIPE ALRM TERM
exec 4>&-
(
  isAtDisk() {
    for child in $(command -p cat "/proc/$1/task/$1/children"); do
      read -r stat <"/proc/$child/stat" && case \${stat##*) } in D*) return 0 ;; esac
    done
    return 1
  }
  idle=0 looks=0 written=0 last=
  while [ -p "$1/.out.$2" ] && [ "$idle" -lt 25 ] && [ "$looks" -lt 50 ] && [ "$written" -lt 2097152 ]; do
    kill -0 "$!" || { [ -p "$1/.out.$2" ] && command -p chmod 0400 "$1/whole"; break; }
    command -p sleep 0.02 || command -p sleep 1
    size=$(command -p wc -c <"$1/log") || size=0
    if [ "$size" = "$last" ]; then
      isAtDisk "$!" && continue
      idle=$((idle + 1))
    else
      [ "$last" ] && [ $((size)) -gt $((last)) ] && written=$((written + size - last))
      idle=0 last=$size
    fi
    looks=$((looks + 1))
  done
)
umask 077
printf '%s\n' "$3" 1<>"$1/exit.$2"
exit 0
`

/** Names a shell does not pass on as they are: no names to it, or its own; the second kind can keep it from starting. */
export const cannotPass = (name: string): boolean =>
  !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) || /^(IFS|LINENO|OPTIND|PPID)$/.test(name)

/** Starts a run and answers its pid; it leads a group of its own, holds nothing of ours open, and does not end with us. */
export const start = (options: {
  readonly directory: string
  readonly run: number
  /** The most bytes that the log may have. */
  readonly logLimit: number
  readonly command: readonly [string, ...ReadonlyArray<string>]
  readonly cwd: string
  readonly env: Readonly<Record<string, Redacted.Redacted | string>>
}): Effect.Effect<number, PlatformError.PlatformError, ChildProcessSpawner.ChildProcessSpawner> =>
  Effect.scoped(
    Effect.gen(function*() {
      // two files make up the log: the one that is written, and the one before it
      const share = String(Math.ceil(options.logLimit / 2))
      const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
      const handle = yield* spawner.spawn(
        ChildProcess.make(
          "/bin/sh",
          ["-c", script, "atlas-compute", options.directory, String(options.run), share, ...options.command],
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
      return handle.pid
    }).pipe(Effect.uninterruptible)
  )
