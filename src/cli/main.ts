/**
 * The command `linux-namespaces`: finds the subcommand, each of which is a file of its own that loads
 * only what it needs, and says in one line what went wrong.
 */
import { readFileSync } from 'node:fs';
import { printable } from '../base/printable.ts';
import { HelpWanted, VersionWanted } from './arguments.ts';
import { noteInherited } from './inherited.ts';
import { inWordsOf, type OptionNames } from './option-words.ts';

interface Subcommand {
  usage: string;
  optionNames?: OptionNames;
  main(args: readonly string[]): Promise<void>;
}

/** name: what it does, and how its file is loaded. */
const subcommands: Record<string, [about: string, load: () => Promise<Subcommand>]> = {
  exec: ['runs a program in a container, as docker exec', () => import('./exec.ts')],
  debug: ['a shell with our tools in a container that has none', () => import('./debug.ts')],
  enter: ['runs a program in namespaces of a process or container', () => import('./enter.ts')],
  run: ['runs a program in new namespaces', () => import('./run.ts')],
  ps: ['lists the containers of all engines', () => import('./ps.ts')],
  inspect: ['shows all that is known of a container', () => import('./inspect.ts')],
  find: ['says whose a pid, port, address or interface is', () => import('./find.ts')],
  ls: ['lists namespaces', () => import('./ls.ts')],
  tree: ['shows the processes of a container as a tree', () => import('./tree.ts')],
  cat: ['shows files of a container', () => import('./cat.ts')],
  cp: ['copies files between a container and here', () => import('./cp.ts')],
  js: ['runs JavaScript inside a container', () => import('./js.ts')],
  ports: ['lists the ports of a container and who listens', () => import('./ports.ts')],
};

function help(): string {
  const rows = Object.entries(subcommands).map(([name, [about]]) => `  ${name.padEnd(9)}${about}`);
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
    await main(args);
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
