/**
 * A command that ends its own pod: RunPod restarts a container that exits and bills on, so a shell waits for the
 * command, reports how it ended, and deletes the pod.
 */

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
  `t=; f() { c=$?; trap - EXIT; LC_ALL=C; export LC_ALL; case "$t$c" in t130|t143) exit "$c" ;; esac; ${parts}`
  + `exit "$c"; }; trap f EXIT; trap "t=t" INT TERM; (exec "$@"); exit`

/** A word quoted for a shell, with any characters in it. */
const quoted = (word: string): string => `'${word.replaceAll("'", String.raw`'\''`)}'`

/**
 * A command as one line for a shell to split; with `deletes` or `reports` it runs under the shell that does so.
 */
export const commandLine = (
  command: readonly [string, ...ReadonlyArray<string>],
  { deletes, reports }: { readonly deletes: boolean; readonly reports: boolean }
): string =>
  (deletes || reports
    ? ["sh", "-c", script(`${reports ? finish : ""}${deletes ? remove : ""}`), "atlas", ...command]
    : command)
    .map(quoted).join(" ")
