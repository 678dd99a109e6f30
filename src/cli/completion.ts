/** `linux-namespaces completion`: a script by which a shell completes subcommands, options and names. */
import { readArguments, UsageError } from './arguments.ts';
import { withCommon } from './help.ts';
import { print } from './output.ts';
import type { Context } from './subcommand.ts';
import type { Described, Usage } from './usage.ts';

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
  readonly options: readonly string[];
}

/** Where names stand: in any place, after -t, or before a path. */
const named = 'exec debug ps inspect ls tree ports';
const targeted = 'enter js';
const files = 'cat cp';
/** What `find` finds. */
const found = 'pid port address interface';

const names = 'linux-namespaces ps -n -o name 2>/dev/null';

export async function main(args: readonly string[], { all }: Context): Promise<void> {
  const { rest } = readArguments(args, {}, true);
  const [shell = '', ...others] = rest;
  const script = Object.hasOwn(scripts, shell) ? scripts[shell] : undefined;
  if (script === undefined || others.length > 0) {
    const not = rest.length === 0 ? '' : `, not ${rest.join(' ')}`;
    throw new UsageError(`of which shell? bash, zsh or fish${not}`);
  }
  const words = Object.entries(all).map(async ([name, [about, load]]) => {
    return { name, about, options: wordsOf((await load()).usage.options) };
  });
  print(script(await Promise.all(words)));
}

/** As they are typed: letters, and names. */
function wordsOf(options: Described): string[] {
  return withCommon(options).flatMap(([name, { short = '' }]) => [
    ...[...short].map(letter => `-${letter}`),
    `--${name}`,
  ]);
}

const scripts: Readonly<Record<string, (words: readonly Word[]) => string>> = {
  bash: words => `_linux_namespaces() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} end='' options name
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W '${words.map(({ name }) => name).join(' ')}' -- "$cur"))
    return
  fi
  case $cur in -*)
    case \${COMP_WORDS[1]} in
${words.map(({ name, options }) => `    ${name}) options='${options.join(' ')}' ;;`).join('\n')}
    esac
    COMPREPLY=($(compgen -W "$options" -- "$cur"))
    return
  esac
  case \${COMP_WORDS[1]} in
  ${targeted.replaceAll(' ', '|')}) case $prev in -t|--target) ;; *) return ;; esac ;;
  ${named.replaceAll(' ', '|')}) ;;
  ${files.replaceAll(' ', '|')}) end=: ;;
  completion) COMPREPLY=($(compgen -W 'bash zsh fish' -- "$cur")); return ;;
  find) [ "$prev" = find ] && COMPREPLY=($(compgen -W '${found}' -- "$cur")); return ;;
  *) return ;;
  esac
  # Not by compgen -W, which would run what is in a name.
  while IFS= read -r name; do
    case $name$end in "$cur"*) COMPREPLY+=("$(printf %q "$name")$end") ;; esac
  done < <(${names})
  if [ -n "$end" ]; then compopt -o nospace 2>/dev/null; fi
}
complete -o default -F _linux_namespaces linux-namespaces`,

  zsh: words => `#compdef linux-namespaces
_linux_namespaces() {
  local -a found
  if (( CURRENT == 2 )); then
    compadd -- ${words.map(({ name }) => name).join(' ')}
    return
  fi
  if [[ $words[CURRENT] == -* ]]; then
    case $words[2] in
${words.map(({ name, options }) => `    ${name}) compadd -- ${options.join(' ')} ;;`).join('\n')}
    esac
    return
  fi
  case $words[2] in
  ${targeted.replaceAll(' ', '|')}) if [[ $words[CURRENT-1] != (-t|--target) ]]; then _files; return; fi ;;
  ${named.replaceAll(' ', '|')}) ;;
  ${files.replaceAll(' ', '|')})
    found=("\${(@f)$(${names})}")
    compadd -S : -- $found
    _files
    return ;;
  completion) compadd -- bash zsh fish; return ;;
  find) [[ $words[CURRENT-1] == find ]] && compadd -- ${found}; return ;;
  *) _files; return ;;
  esac
  found=("\${(@f)$(${names})}")
  compadd -- $found
}
compdef _linux_namespaces linux-namespaces`,

  fish: words => {
    const complete = 'complete -c linux-namespaces';
    const of = (list: string) => `-n '__fish_seen_subcommand_from ${list}'`;
    const lines = words.flatMap(({ name, about, options }) => [
      `${complete} -f -n __fish_use_subcommand -a ${name} -d '${about.replaceAll("'", "\\'")}'`,
      ...options.map(option => {
        const flag = option.startsWith('--') ? `-l ${option.slice(2)}` : `-s ${option.slice(1)}`;
        return `${complete} ${of(name)} ${flag}`;
      }),
    ]);
    return [
      ...lines,
      `${complete} -f ${of(named)} -a '(${names})'`,
      `${complete} ${of(files)} -a '(${names} | string replace -r \\$ :)'`,
      `${complete} -f ${of('completion')} -a 'bash zsh fish'`,
      `${complete} -f ${of(`find; and not __fish_seen_subcommand_from ${found}`)} -a '${found}'`,
      `${complete} -n '__fish_seen_subcommand_from ${targeted}; and contains -- (commandline -opc)[-1] -t --target' -f -a '(${names})'`,
    ].join('\n');
  },
};
