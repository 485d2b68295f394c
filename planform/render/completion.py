"""Scripts by which shells complete commands: what there is stands in the script, what a project has is asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

# What is asked of `planform completion words KIND`.
ASKED = ("addresses", "trainers", "workspaces", "variables", "outputs")


class Option(NamedTuple):
    """`takes`: nothing for a flag, one of ASKED, `file`, `any`, or the values there are, separated by spaces."""

    names: tuple[str, ...]
    takes: str
    help: str


class Command(NamedTuple):
    """A command; `path` is `plan`, or `state list`. The first of all is planform itself, with an empty path."""

    path: str
    help: str
    options: tuple[Option, ...]
    argument: str  # what its arguments are, as `takes` of an option
    children: tuple[str, ...] = ()


def bash(commands: Sequence[Command]) -> str:
    """For `source <(planform completion bash)`, or a file in bash-completion's folder."""
    taking = [
        f"    {'|'.join(_bash_keys(command, option))}) takes={_quoted(option.takes)} ;;"
        for command in commands
        for option in command.options
        if option.takes
    ]
    given = [f"    {_quoted(command.path)}) takes={_quoted(_argument(command))} ;;" for command in commands]
    flags = [f"    {_quoted(command.path)}) options={_quoted(' '.join(_names(command)))} ;;" for command in commands]
    return _filled(
        _BASH, groups=_groups(commands), taking="\n".join(taking), given="\n".join(given), flags="\n".join(flags)
    )


def _names(command: Command) -> Iterator[str]:
    return (name for option in command.options for name in option.names)


def _bash_keys(command: Command, option: Option) -> Iterator[str]:
    # An option of planform itself may stand behind any command.
    yield from (f'*" {name}"' if not command.path else _quoted(f"{command.path} {name}") for name in option.names)


def zsh(commands: Sequence[Command]) -> str:
    """For a file `_planform` in a folder of `fpath`, or `source <(planform completion zsh)`."""
    return _filled(
        _ZSH,
        groups=_groups(commands),
        taking="\n".join(
            f"    {'|'.join(_bash_keys(command, option))}) takes={_quoted(option.takes)} ;;"
            for command in commands
            for option in command.options
            if option.takes
        ),
        given="\n".join(f"    {_quoted(command.path)}) takes={_quoted(_argument(command))} ;;" for command in commands),
        described="\n".join(
            f"    {_quoted(command.path)}) described=({' '.join(_zsh_pairs(command, commands))}) ;;"
            for command in commands
            if command.children
        ),
        flags="\n".join(
            f"    {_quoted(command.path)}) options=("
            + " ".join(_quoted(f"{_zsh(name)}:{option.help}") for option in command.options for name in option.names)
            + ") ;;"
            for command in commands
        ),
    )


def _zsh_pairs(command: Command, commands: Sequence[Command]) -> Iterator[str]:
    help = {item.path: item.help for item in commands}
    for child in command.children:
        yield _quoted(f"{_zsh(child)}:{help.get(f'{command.path} {child}'.strip(), '')}")


def _zsh(text: str) -> str:
    return text.replace(":", "\\:")


def fish(commands: Sequence[Command]) -> str:
    """For a file `planform.fish` in fish's folder of completions, or `planform completion fish | source`."""
    lines = []
    help = {command.path: command.help for command in commands}
    for command in commands:
        when = f"-n {_fish(f'__planform_is {_fish(command.path)}')}" if command.path else ""
        for child in command.children:
            said = _fish(help.get(f"{command.path} {child}".strip(), ""))
            at = f"-n {_fish('__planform_is ' + _fish(command.path))}"
            lines.append(f"complete -c planform {at} -a {child} -d {said}")
        takes = _fish_values(command.argument) if not command.children else ""
        if takes:
            lines.append(f"complete -c planform {when} {takes}".replace(" -x ", " "))
        for option in command.options:
            names = " ".join(f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in option.names)
            more = _fish_values(option.takes) if option.takes else ""
            lines.append(
                " ".join(filter(None, ["complete -c planform", when, names, more, f"-d {_fish(option.help)}"]))
            )
    return _filled(_FISH, groups=_groups(commands), lines="\n".join(lines))


def _fish_values(takes: str) -> str:
    if takes == "file":
        return "-r -F"
    if takes in ASKED:
        return f"-x -a '(__planform_words {takes})'"
    return "-x" if takes in ("any", "") else f"-x -a {_fish(takes)}"


def _fish(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _filled(template: str, **parts: str) -> str:
    return re.sub(r"@(\w+)@", lambda found: parts[found[1]], template)


def _groups(commands: Sequence[Command]) -> str:
    return " ".join(command.path for command in commands if command.children and command.path)


def _argument(command: Command) -> str:
    return " ".join(command.children) if command.children else command.argument


def _quoted(text: str) -> str:
    """As shells of Bourne's family take it."""
    return "'" + text.replace("'", "'\\''") + "'"


_FIND = """\
  local key="" word="" i
  local -a chdir=()
  for ((i = @first@; i < @here@; i++)); do
    word="${words[i]}"
    case "$word" in
    --chdir) chdir=(--chdir "${words[i+1]}"); ((i++)) ;;
    -w | --workspace) ((i++)) ;;
    -*) ;;
    *)
      if [[ -z $key ]]; then key="$word"
      elif [[ " @groups@ " == *" $key "* ]]; then key="$key $word"; break
      else break; fi ;;
    esac
  done
"""

_BASH = (
    """\
# bash completion for planform: source <(planform completion bash)
_planform() {
  local -a words=() candidates=()
  local cword=0 takes="" options="" candidate cur prev
  # Bash splits at =, so --var=x is three words.
  for ((cword = 0; cword < COMP_CWORD; cword++)); do
    [[ ${COMP_WORDS[cword]} == "=" ]] || words+=("${COMP_WORDS[cword]}")
  done
  cur="${COMP_WORDS[COMP_CWORD]}"
  [[ $cur == "=" ]] && cur=""
  cword=${#words[@]}
  prev="${words[cword-1]}"
"""
    + _FIND.replace("@first@", "1").replace("@here@", "cword")
    + """\
  case "$key $prev" in
@taking@
  esac
  if [[ -z $takes && $cur == -* ]]; then
    case "$key" in
@flags@
    esac
    COMPREPLY=($(compgen -W "$options --help" -- "$cur"))
    return
  fi
  if [[ -z $takes ]]; then
    case "$key" in
@given@
    esac
  fi
  case "$takes" in
  file) compopt -o default; COMPREPLY=(); return ;;
  any | "") return ;;
  addresses | trainers | workspaces | variables | outputs)
    while IFS= read -r candidate; do candidates+=("$candidate"); done \\
      < <(planform "${chdir[@]}" completion words "$takes" 2>/dev/null) ;;
  *) read -r -a candidates <<< "$takes" ;;
  esac
  [[ $takes == variables ]] && compopt -o nospace 2>/dev/null
  COMPREPLY=()
  cur="${cur//\\\\/}"
  for candidate in "${candidates[@]}"; do
    [[ $candidate == "$cur"* ]] && COMPREPLY+=("$(printf %q "$candidate")")
  done
}
complete -F _planform planform
"""
)

_ZSH = (
    """\
#compdef planform
# zsh completion for planform: source <(planform completion zsh)
_planform() {
  local takes="" prev="${words[CURRENT-1]}" cur="${words[CURRENT]}"
  local -a described=() options=() candidates=()
"""
    + _FIND.replace("@first@", "2").replace("@here@", "CURRENT")
    + """\
  if [[ $cur == --*=* ]]; then
    prev="${cur%%=*}"
    compset -P 1 '*='
  fi
  case "$key $prev" in
@taking@
  esac
  if [[ -z $takes && $cur == -* ]]; then
    case "$key" in
@flags@
    esac
    _describe -o option options
    return
  fi
  if [[ -z $takes ]]; then
    case "$key" in
@described@
    esac
    if (( $#described )); then
      _describe command described
      return
    fi
    case "$key" in
@given@
    esac
  fi
  case "$takes" in
  file) _files ;;
  any | "") ;;
  addresses | trainers | workspaces | variables | outputs)
    candidates=("${(@f)$(planform $chdir completion words $takes 2>/dev/null)}")
    if [[ $takes == variables ]]; then compadd -S '' -a candidates; else compadd -a candidates; fi ;;
  *) compadd ${=takes} ;;
  esac
}
(( $+functions[compdef] )) && compdef _planform planform
"""
)

_FISH = """\
# fish completion for planform: planform completion fish | source
function __planform_key
    set -l key
    set -l skip 0
    for word in (commandline -opc)[2..]
        if test $skip -eq 1
            set skip 0
            continue
        end
        switch $word
            case --chdir -w --workspace
                set skip 1
            case '-*'
            case '*'
                if test (count $key) -eq 0
                    set key $word
                else if test (count $key) -eq 1; and contains -- $key[1] @groups@
                    set -a key $word
                end
        end
    end
    echo "$key"
end
function __planform_is
    test (__planform_key) = "$argv[1]"
end
function __planform_words
    set -l chdir
    set -l words (commandline -opc)
    if set -l at (contains -i -- --chdir $words)
        set chdir --chdir $words[(math $at + 1)]
    end
    planform $chdir completion words $argv[1] 2>/dev/null
end
complete -c planform -f
@lines@
"""
