/** What `--help` shows, made of what the subcommands say of themselves. */
import { lookupOptions } from './lookup.ts';
import type { Subcommands } from './subcommand.ts';
import type { Described, DescribedOption, Usage } from './usage.ts';

const columns = 80;
/** Where what an option does begins, below its name if that is longer. */
const aboutAt = 28;
const examplesAt = 44;

export function helpOf(name: string, usage: Usage): string {
  const examples = usage.examples.map(([line, about]) => {
    const isLong = line.length > examplesAt || examplesAt + about.length + 5 > columns;
    return isLong ? `  ${line}\n      ${about}` : `  ${line.padEnd(examplesAt)}   ${about}`;
  });
  const parts = [
    usage.lines.map(line => `linux-namespaces ${name} ${line}`).join('\n'),
    ...usage.about.map(text => wrapped(text)),
    listed(usage.options),
    ...(usage.notes ?? []).map(text => wrapped(text)),
    examples.join('\n'),
  ];
  return parts.join('\n\n');
}

export function overview(subcommands: Subcommands): string {
  const rows = Object.entries(subcommands).map(([name, [about]]) => `  ${name.padEnd(12)}${about}`);
  return `linux-namespaces [option...] COMMAND [option...]

${rows.join('\n')}

${listed({ ...lookupOptions })}

  linux-namespaces COMMAND --help, or help COMMAND: its options, and examples`;
}

/** `-o, --output LIST`. */
export function spelled([name, { short = '', value, placeholder = 'VALUE' }]: [
  string,
  DescribedOption,
]): string {
  const letters = [...short].map(letter => `-${letter}, `).join('');
  const taken = value === undefined ? '' : value === true ? ` ${placeholder}` : `[=${placeholder}]`;
  return `${letters.padStart(4)}--${name}${taken}`;
}

export function withCommon(options: Described): [string, DescribedOption][] {
  const common: Described = {
    help: { short: 'h', about: 'shows this' },
    version: { short: 'V', about: 'shows the version' },
  };
  return Object.entries({ ...options, ...common });
}

function listed(options: Described): string {
  return withCommon(options)
    .map(([name, option]) => {
      const left = `  ${spelled([name, option])}`;
      const right = wrapped(option.about, aboutAt);
      const isLong = left.length > aboutAt - 2;
      return isLong ? `${left}\n${right}` : left + right.slice(left.length);
    })
    .join('\n');
}

/** In lines that fit, `indent` columns from the left. */
function wrapped(text: string, indent = 0): string {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1) ?? '';
    if (line !== '' && indent + line.length + 1 + word.length > columns) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines.map(line => ' '.repeat(indent) + line).join('\n');
}
