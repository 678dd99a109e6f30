/**
 * The command `linux-namespaces`: finds the subcommand, each of which is a file of its own that loads
 * only what it needs, and says in one line what went wrong.
 */
import { readFileSync } from 'node:fs';
import { printable } from '../base/printable.ts';
import { HelpWanted, VersionWanted } from './arguments.ts';
import { noteInherited } from './inherited.ts';
import { inWordsOf } from './option-words.ts';
import { subcommands } from './subcommands.ts';

function help(): string {
  const rows = Object.entries(subcommands).map(([name, [about]]) => `  ${name.padEnd(12)}${about}`);
  return `linux-namespaces COMMAND [option...]

${rows.join('\n')}

  linux-namespaces COMMAND --help    the options of a command
  linux-namespaces --version`;
}

function version(): string {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return JSON.parse(manifest).version;
}

async function say(text: string): Promise<void> {
  const { print } = await import('./output.ts');
  print(text);
}

async function run([name, ...args]: string[]): Promise<void> {
  if (name === undefined) {
    console.error(help());
    process.exitCode = 1;
    return;
  }
  if (name === 'help' && args[0] !== undefined) return run([args[0], '--help']);
  if (name === '--help' || name === '-h' || name === 'help') return say(help());
  if (name === '--version' || name === '-V') return say(version());
  const [, load] = subcommands[name] ?? [];
  if (load === undefined) throw new Error(`no command ${name}; see linux-namespaces --help`);
  const { usage, optionNames = {}, main } = await load();
  try {
    await main(args, subcommands);
  } catch (error) {
    if (error instanceof HelpWanted) return say(usage);
    if (error instanceof VersionWanted) return say(version());
    throw Object.assign(error as Error, {
      message: inWordsOf(optionNames, (error as Error).message),
    });
  }
}

noteInherited();
run(process.argv.slice(2)).catch((error: Error) => {
  console.error(`linux-namespaces: ${printable(error.message)}`);
  process.exitCode = 1;
});
