/**
 * What a shell runs when the user asks for the rest of a word: it asks `atlas complete`, whose answer is a word a line, with what it
 * is after a tab; `:file` stands for names of files. The first word is known here, so that it costs no start of the program.
 */
import type { Word } from "./words.ts"

/** A shell whose completions ask the program. */
export type AskingShell = "bash" | "zsh" | "fish"

/** A word in single quotes, as all three shells read it. */
const quoted = (text: string): string => `'${text.replaceAll("'", "").replaceAll("\\", "")}'`

const bash = (commands: ReadonlyArray<Word>) =>
  `# Completion of atlas for bash. Install: atlas --completions bash >> ~/.bashrc
_atlas() {
  COMPREPLY=()
  local line cur="\${COMP_WORDS[COMP_CWORD]}"
  if [[ $COMP_CWORD -eq 1 && $cur != -* ]]; then
    while IFS= read -r line; do COMPREPLY+=("$line"); done \\
      < <(compgen -W ${quoted(commands.map(({ word }) => word).join(" "))} -- "$cur")
    return 0
  fi
  while IFS= read -r line; do
    if [[ $line == :file ]]; then
      compopt -o filenames 2>/dev/null
      while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$cur")
    elif [[ -n $line ]]; then
      COMPREPLY+=("\${line%%$'\\t'*}")
    fi
  done < <("\${COMP_WORDS[0]}" complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" </dev/null 2>/dev/null)
  return 0
}
complete -F _atlas atlas`

const zsh = (commands: ReadonlyArray<Word>) =>
  `#compdef atlas
# Completion of atlas for zsh. Install: atlas --completions zsh > a file named _atlas in a directory of $fpath
_atlas() {
  local line
  local -a lines found
  if (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then
    lines=(
${commands.map(({ about, word }) => `      ${quoted(`${word}\t${about}`)}`).join("\n")}
    )
  else
    lines=("\${(@f)$("\${words[1]}" complete -- "\${(@)words[2,CURRENT]}" </dev/null 2>/dev/null)}")
  fi
  for line in "\${lines[@]}"; do
    if [[ $line == :file ]]; then
      _files
    elif [[ -n $line ]]; then
      found+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
    fi
  done
  (( \${#found} )) && _describe atlas found
  return 0
}
if [[ \${funcstack[1]} == _atlas ]]; then _atlas "$@"; else compdef _atlas atlas; fi`

const fish = (commands: ReadonlyArray<Word>) =>
  `# Completion of atlas for fish. Install: atlas --completions fish > ~/.config/fish/completions/atlas.fish
function __atlas_complete
    set -l typed (commandline -opc)
    set -l current (commandline -ct)
    for line in ($typed[1] complete -- $typed[2..-1] "$current" </dev/null 2>/dev/null)
        if test "$line" = :file
            __fish_complete_path "$current"
        else
            echo $line
        end
    end
end
function __atlas_first
    test (count (commandline -opc)) -eq 1; and not string match -q -- '-*' (commandline -ct)
end
complete -c atlas -f
${
    commands.map(({ about, word }) => `complete -c atlas -n __atlas_first -a ${quoted(word)} -d ${quoted(about)}`).join(
      "\n"
    )
  }
complete -c atlas -n 'not __atlas_first' -a '(__atlas_complete)'`

/** The script of a shell; `commands` are those that may stand first. */
export const scripts: Readonly<Record<AskingShell, (commands: ReadonlyArray<Word>) => string>> = { bash, zsh, fish }
