/** The completion scripts, by shell: each hands the words of the line to this program. */

/**
 * Bash splits words at `=`, which `completion_words.ts` puts together again. Paths are looked up
 * without the quotes and backslashes that were typed; bash adds its own.
 */
const BASH = String.raw`_verack() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" line value
  COMPREPLY=()
  while IFS= read -r line; do
    case "$line" in
      :file | :directory)
        [[ $cur == = ]] && cur=
        cur="\${cur#[\"\']}"
        cur="\${cur//\\/}"
        compopt -o filenames
        local kind=-f
        [[ $line == :directory ]] && kind=-d
        while IFS= read -r value; do COMPREPLY+=("$value"); done < <(compgen $kind -- "$cur")
        ;;
      *)
        value="\${line%%$'\t'*}"
        [[ $value == *: ]] && compopt -o nospace
        COMPREPLY+=("$value")
        ;;
    esac
  done < <(verack completions words -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2> /dev/null)
}
complete -F _verack verack`.replaceAll("\\${", "${");

/** A part before `=` stays as it is. */
const ZSH = String.raw`#compdef verack
_verack() {
  local line paths
  local -a described
  for line in "\${(@f)$(verack completions words -- "\${(@Q)words[2,CURRENT-1]}" "\${(Q)PREFIX}" 2> /dev/null)}"; do
    case "$line" in
      '') ;;
      :file) paths=_files ;;
      :directory) paths='_files -/' ;;
      *) described+=("\${\${line%%$'\t'*}//:/\\:}:\${line#*$'\t'}") ;;
    esac
  done
  [[ $PREFIX == --*=* ]] && compset -P '*='
  (( $#described )) && _describe -V verack described
  [[ -n $paths ]] && \${=paths}
}
if [[ "\${funcstack[1]}" == _verack ]]; then
  _verack "$@"
else
  compdef _verack verack
fi`.replaceAll("\\${", "${");

/** A part before `=` is put before each word, since fish replaces all of it. */
const FISH = String.raw`function __verack_words
    set -l current (commandline -ct)
    set -l words (commandline -opc) "$current"
    set -l prefix ''
    if string match -qr '^--[^=]+=' -- "$current"
        set prefix (string replace -r '=.*' '=' -- "$current")
        set current (string replace -r '^[^=]*=' '' -- "$current")
    end
    for line in (verack completions words -- $words[2..-1] 2>/dev/null)
        switch "$line"
            case :file
                for path in (__fish_complete_path "$current")
                    printf '%s%s\n' "$prefix" "$path"
                end
            case :directory
                for path in (__fish_complete_directories "$current" '')
                    printf '%s%s\n' "$prefix" "$path"
                end
            case '*'
                printf '%s%s\n' "$prefix" "$line"
        end
    end
end
complete -c verack -f -a '(__verack_words)'`;

/** The scripts. */
export const SHELL_SCRIPTS: Readonly<Record<string, string>> = {
  bash: BASH,
  zsh: ZSH,
  fish: FISH,
};
