/**
 * A command that ends its own pod: RunPod restarts a container that exits and bills on, so a shell waits for the
 * command, reports how it ended, writes that into the log, and deletes the pod.
 */
import * as ExitMarker from "../../../provider/ExitMarker.ts"

/*
 * Both parts are plain text: ids, keys and addresses come from the container's environment, and the command is passed in
 * the shell's arguments. No single quotes within, so that one pair of them carries the whole script.
 *
 * A key reaches curl on its stdin, since every process in the container can read the arguments of others. One with
 * characters that could end its line, or lead to another address, is not used at all.
 */
const finish = `case "$ATLAS_CALLBACK_TOKEN" in ""|*[!A-Za-z0-9._-]*) ;; *) [ -n "$ATLAS_CALLBACK_URL" ] &&`
  + ` printf "header = \\"Authorization: Bearer %s\\"\\n" "$ATLAS_CALLBACK_TOKEN" |`
  + ` curl -q -s -g -m 10 -X POST -H "Content-Type: application/json" -d "{\\"exit_code\\":$c}" -K -`
  + ` --url "$ATLAS_CALLBACK_URL/finish" >/dev/null 2>&1 ;; esac; `

// RunPod tells no exit codes, and has no log of a pod that is gone
const mark = `printf "${ExitMarker.format}" "$m" "$c" 2>/dev/null; `

/**
 * How long the log can be read before the pod goes, in seconds. An orchestrator or a command line that reads it ends the pod
 * at once; this is for one that has lost its connection, and what a pod without either costs more.
 */
const readable = 60

// a signal from now on is the pod's end, asked for by the reader of the mark: it is not waited out
const markAndWait = `trap "exit $c" INT TERM; ${mark}sleep ${readable} >/dev/null 2>&1 & wait $!; trap : INT TERM; `

// asked again after a refusal that passes, as long as all of it takes no more than 30 seconds
const remove = `case "$RUNPOD_POD_ID" in ""|*[!A-Za-z0-9_-]*) ;; *)`
  + ` case "$RUNPOD_API_KEY" in ""|*[!A-Za-z0-9._-]*) ;; *)`
  + ` printf "header = \\"Authorization: Bearer %s\\"\\n" "$RUNPOD_API_KEY" |`
  + ` curl -q -s -g -f -m 10 --retry 5 --retry-max-time 20 -X DELETE -A "effect-atlas" -K -`
  + ` --url "https://api.runpod.io/v2/pods/$RUNPOD_POD_ID" >/dev/null 2>&1 ;; esac ;; esac; `

/*
 * A shell waits for its command before it heeds a signal, so `c` is always the command's own code. A signal that ended
 * the command too came from outside: such a pod is being stopped, and neither ends by itself nor has an exit code.
 */
const script = (parts: string): string =>
  `m=$1; shift; t=; f() { c=$?; trap - EXIT; LC_ALL=C; export LC_ALL; case "$t$c" in t130|t143) exit "$c" ;; esac; ${parts}`
  + `exit "$c"; }; trap f EXIT; trap "t=t" INT TERM; (exec "$@"); exit`

/** A word quoted for a shell, with any characters in it. */
const quoted = (word: string): string => `'${word.replaceAll("'", String.raw`'\''`)}'`

/** A command as one line for a shell to split. */
export const plainLine = (command: ReadonlyArray<string>): string => command.map(quoted).join(" ")

/**
 * The same; with `deletes` or `reports` the command runs under the shell that does so, and that marks the end of its log with the
 * stamped `name`.
 */
export const commandLine = (
  command: readonly [string, ...ReadonlyArray<string>],
  { deletes, name, reports }: { readonly deletes: boolean; readonly reports: boolean; readonly name: string }
): string =>
  plainLine(
    deletes || reports
      ? [
        "sh",
        "-c",
        script(`${reports ? finish : ""}${deletes ? markAndWait + remove : mark}`),
        "atlas",
        name,
        ...command
      ]
      : command
  )
