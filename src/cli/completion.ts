/** `linux-namespaces completion`: a script by which a shell completes subcommands, options and names. */
import { readArguments, UsageError } from './arguments.ts';
import { withCommon } from './help.ts';
import { lookupOptions } from './lookup.ts';
import { print } from './output.ts';
import type { Context } from './subcommand.ts';
import type { Described, DescribedOption, Usage } from './usage.ts';

export const usage: Usage = {
  lines: ['bash|zsh|fish'],
  about: [
    'Prints a script by which the shell completes subcommands, options, and the names of containers, which it asks ps for.',
  ],
  options: {},
  examples: [
    ['. <(linux-namespaces completion bash)', 'in ~/.bashrc'],
    ['. <(linux-namespaces completion zsh)', 'in ~/.zshrc, after compinit'],
    ['linux-namespaces completion fish | source', 'in ~/.config/fish/config.fish'],
  ],
};

interface Word {
  readonly name: string;
  readonly about: string;
  readonly options: readonly (readonly [name: string, DescribedOption])[];
  /** As they are typed: letters, and names. */
  readonly spelled: readonly string[];
  /** Letters that can stand before another in one word. */
  readonly flags: string;
  /** What takes a value of that kind: as typed, with `=` where the value is a part of that word. */
  readonly takes: Readonly<Record<Kind, readonly string[]>>;
}

/** What is offered for a value: `others` nothing, as nobody but the user knows it. */
type Kind = 'names' | 'dirs' | 'files' | 'others';
const kinds: readonly Kind[] = ['names', 'dirs', 'files', 'others'];

/** Where names stand but as the values of options: in any place, or before a path. */
const named = 'exec debug ps inspect ls tree ports';
const files = 'cat cp';
/** What `find` finds. */
const found = 'pid port address interface';

/** Those of the whole command, which stand before the subcommand, too: names are asked for with them. */
const whole = withCommon(lookupOptions).map(([name]) => `--${name}`);
const lookup = Object.keys(lookupOptions).map(name => `--${name}`);

const names = (before: string) => `linux-namespaces ${before} ps -n -o name 2>/dev/null`;

export async function main(args: readonly string[], { all }: Context): Promise<void> {
  const { rest } = readArguments(args, {}, true);
  const [shell = '', ...others] = rest;
  const script = Object.hasOwn(scripts, shell) ? scripts[shell] : undefined;
  if (script === undefined || others.length > 0) {
    const not = rest.length === 0 ? '' : `, not ${rest.join(' ')}`;
    throw new UsageError(`of which shell? bash, zsh or fish${not}`);
  }
  const words = Object.entries(all).map(async ([name, [about, load]]) => {
    return wordOf(name, about, (await load()).usage.options);
  });
  print(script(await Promise.all(words)));
}

function wordOf(name: string, about: string, described: Described): Word {
  const options = withCommon(described);
  const takes: Record<Kind, string[]> = { names: [], dirs: [], files: [], others: [] };
  for (const [long, option] of options) {
    if (option.value === undefined) continue;
    const list = takes[kindOf(option)];
    if (option.value === true) list.push(...typed(long, option));
    list.push(`--${long}=`);
  }
  return {
    ...{ name, about, options, takes },
    spelled: options.flatMap(([long, option]) => typed(long, option)),
    flags: options.map(([, { value, short = '' }]) => (value === true ? '' : short)).join(''),
  };
}

/** Letters, and the name. */
function typed(name: string, { short = '' }: DescribedOption): string[] {
  return [...[...short].map(letter => `-${letter}`), `--${name}`];
}

function kindOf({ placeholder }: DescribedOption): Kind {
  if (placeholder === 'PID|NAME') return 'names';
  if (placeholder === 'DIR') return 'dirs';
  return placeholder === 'FILE' ? 'files' : 'others';
}

/** Those of a word as variables of a shell. */
function listsOf(
  { flags, spelled, takes }: Word,
  list: (words: readonly string[]) => string,
): string {
  const lists = kinds.map(kind => `${kind}=${list(takes[kind])}`);
  return [`flags=${flags}`, `options=${list(spelled)}`, ...lists].join(' ');
}

const namesInFish = '(__linux_namespaces_names)';

const valueInFish: Readonly<Record<Kind, string>> = {
  names: `-x -a '${namesInFish}'`,
  dirs: "-x -a '(__fish_complete_directories (commandline -ct))'",
  files: '-r -F',
  others: '-x',
};

const scripts: Readonly<Record<string, (words: readonly Word[]) => string>> = {
  bash: words => `_linux_namespaces() {
  local words=("\${COMP_WORDS[@]:0:COMP_CWORD+1}") before=() from to value
  local at cur prev end='' name flags options ${kinds.join(' ')}
  COMPREPLY=()
  # Options before the subcommand; --root=DIR is three words here.
  while at=$((\${#words[@]} - 1)) && [ "$at" -gt 1 ]; do
    case \${words[1]} in ${lookup.join(' | ')}) ;; *) break ;; esac
    from=2
    if [ "\${words[2]}" = = ]; then from=3; fi
    to=$from
    if [ "\${words[to+1]}" = = ]; then to=$((to + 2)); fi
    if [ "$to" -ge "$at" ]; then compopt +o default -o dirnames 2>/dev/null; return; fi
    printf -v value %s "\${words[@]:from:to-from+1}"
    before+=("\${words[1]}" "$value")
    words=("\${words[0]}" "\${words[@]:to+1}")
  done
  cur=\${words[at]} prev=\${words[at-1]}
  if [ "$at" -eq 1 ]; then
    case $cur in -*) options='${whole.join(' ')}' ;; *) options='${words.map(({ name }) => name).join(' ')}' ;; esac
    COMPREPLY=($(compgen -W "$options" -- "$cur"))
    return
  fi
  case \${words[1]} in
${words.map(word => `  ${word.name}) ${listsOf(word, list => `'${list.join(' ')}'`)} ;;`).join('\n')}
  *) return ;;
  esac
  if [ "$cur" = = ]; then
    prev=$prev= cur=
  elif [ "$prev" = = ]; then
    prev=\${words[at-2]}=
  fi
  # Of several letters the last one may take a value.
  case $prev in
  --*) ;;
  -?*) case \${prev:1:\${#prev}-2} in *[!$flags]*) prev=- ;; *) prev=-\${prev: -1} ;; esac ;;
  esac
  case " $others " in *" $prev "*) compopt +o default 2>/dev/null; return ;; esac
  case " $dirs " in *" $prev "*) compopt +o default -o dirnames 2>/dev/null; return ;; esac
  case " $files " in *" $prev "*) return ;; esac
  case " $names " in *" $prev "*) ;; *)
    case $cur in -*) COMPREPLY=($(compgen -W "$options" -- "$cur")); return ;; esac
    case \${words[1]} in
    ${named.replaceAll(' ', '|')}) ;;
    ${files.replaceAll(' ', '|')}) end=: ;;
    completion) COMPREPLY=($(compgen -W 'bash zsh fish' -- "$cur")); return ;;
    find)
      case " \${words[*]:2:at-2} " in
      ${found.replace(/\w+/g, '*" $& "*').replaceAll(' *', ' | *')}) ;;
      *) COMPREPLY=($(compgen -W '${found}' -- "$cur")) ;;
      esac
      return ;;
    *) return ;;
    esac
  esac
  # Not by compgen -W, which would run what is in a name.
  while IFS= read -r name; do
    case $name$end in "$cur"*) COMPREPLY+=("$(printf %q "$name")$end") ;; esac
  done < <(${names(`"\${before[@]}"`)})
  if [ -n "$end" ]; then compopt -o nospace 2>/dev/null; fi
}
complete -o default -F _linux_namespaces linux-namespaces`,

  zsh: words => `#compdef linux-namespaces
_linux_namespaces() {
  local cur prev flags
  local -a before found options ${kinds.join(' ')}
  # Options before the subcommand.
  while (( CURRENT > 2 )); do
    case $words[2] in
    ${lookup.map(name => `${name}=*`).join(' | ')})
      before+=("\${(Q)words[2]}"); words[2]=(); (( CURRENT -= 1 )) ;;
    ${lookup.join(' | ')})
      if (( CURRENT == 3 )); then _files -/; return; fi
      before+=("\${(@Q)words[2,3]}"); words[2,3]=(); (( CURRENT -= 2 )) ;;
    *) break ;;
    esac
  done
  cur=$words[CURRENT] prev=$words[CURRENT-1]
  if (( CURRENT == 2 )); then
    case $cur in
    --*=*) compset -P '*='; _files -/ ;;
    -*) compadd -- ${whole.join(' ')} ;;
    *) compadd -- ${words.map(({ name }) => name).join(' ')} ;;
    esac
    return
  fi
  case $words[2] in
${words.map(word => `  ${word.name}) ${listsOf(word, list => `(${list.join(' ')})`)} ;;`).join('\n')}
  esac
  if [[ $cur == --*=* ]]; then
    prev=\${cur%%=*}=
    compset -P '*='
  elif [[ $prev == -[^-]* ]]; then
    # Of several letters the last one may take a value.
    if [[ $prev[2,-2] == *[^$flags]* ]]; then prev=-; else prev=-$prev[-1]; fi
  fi
  if (( $others[(Ie)$prev] )); then
    return
  elif (( $dirs[(Ie)$prev] )); then
    _files -/
    return
  elif (( $files[(Ie)$prev] )); then
    _files
    return
  elif (( ! $names[(Ie)$prev] )); then
    if [[ $cur == -* ]]; then
      compadd -- $options
      return
    fi
    case $words[2] in
    ${named.replaceAll(' ', '|')}) ;;
    ${files.replaceAll(' ', '|')})
      found=("\${(@f)$(${names('$before')})}")
      compadd -S : -- $found
      _files
      return ;;
    completion) compadd -- bash zsh fish; return ;;
    find)
      found=(${found})
      for prev in $words[3,CURRENT-1]; do
        if (( $found[(Ie)$prev] )); then return; fi
      done
      compadd -- $found
      return ;;
    *) _files; return ;;
    esac
  fi
  found=("\${(@f)$(${names('$before')})}")
  compadd -- $found
}
compdef _linux_namespaces linux-namespaces`,

  fish: words => {
    const complete = 'complete -c linux-namespaces';
    const of = (list: string) => `-n '__fish_seen_subcommand_from ${list}'`;
    const all = words.map(({ name }) => name).join(' ');
    const first = `-n 'not __fish_seen_subcommand_from ${all}'`;
    const lines = words.flatMap(({ name, about, options }) => [
      `${complete} -f ${first} -a ${name} -d '${about.replaceAll("'", "\\'")}'`,
      ...options.flatMap(([long, option]) => {
        const value = option.value === true ? ` ${valueInFish[kindOf(option)]}` : '';
        const flags = [...[...(option.short ?? '')].map(letter => `-s ${letter}`), `-l ${long}`];
        return flags.map(flag => `${complete} ${of(name)} ${flag}${value}`);
      }),
    ]);
    return [
      `function __linux_namespaces_names
  set -l words (commandline -opc)
  set -l before
  while contains -- (string replace -r '=.*' '' -- "$words[2]") ${lookup.join(' ')}
    set -l last (string match -q '*=*' -- $words[2]; and echo 2; or echo 3)
    set -a before $words[2..$last]
    set -e words[2..$last]
  end
  ${names('$before')}
end`,
      ...lookup.map(name => `${complete} ${first} -l ${name.slice(2)} ${valueInFish.dirs}`),
      ...lines,
      `${complete} -f ${of(named)} -a '${namesInFish}'`,
      `${complete} ${of(files)} -a '${namesInFish.slice(0, -1)} | string replace -r \\$ :)'`,
      `${complete} -f ${of('completion')} -a 'bash zsh fish'`,
      `${complete} -f ${of(`find; and not __fish_seen_subcommand_from ${found}`)} -a '${found}'`,
    ].join('\n');
  },
};
