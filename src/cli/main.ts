/**
 * The command `linux-namespaces`: finds the subcommand, each of which is a file of its own that loads
 * only what it needs, and says in one line what went wrong.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../base/binding.ts';
import { printable } from '../base/printable.ts';
import { HelpWanted, readArguments, UnknownOption, VersionWanted } from './arguments.ts';
import { noteInherited } from './inherited.ts';
import { type Lookup, lookupOptions } from './lookup.ts';
import { wordsOf } from './option-words.ts';
import { subcommands } from './subcommands.ts';

function version(): string {
  const manifest = readFileSync(join(packageRoot(), 'package.json'), 'utf8');
  return JSON.parse(manifest).version;
}

async function overview(): Promise<string> {
  const help = await import('./help.ts');
  return help.overview(subcommands);
}

async function say(text: string): Promise<void> {
  const { print } = await import('./output.ts');
  print(text);
}

async function run(words: readonly string[]): Promise<void> {
  try {
    const { given, rest } = readArguments(words, lookupOptions);
    const [name, ...args] = rest;
    if (name === undefined) {
      console.error(await overview());
      process.exitCode = 1;
      return;
    }
    if (name !== 'help') await runNamed(name, args, given);
    else if (args[0] === undefined || args[0] === 'help') throw new HelpWanted();
    else await runNamed(args[0], ['--help'], given);
  } catch (error) {
    if (error instanceof VersionWanted) await say(version());
    else if (error instanceof HelpWanted) await say(await overview());
    else throw error;
  }
}

async function runNamed(name: string, args: readonly string[], lookup: Lookup): Promise<void> {
  const [, load] = (Object.hasOwn(subcommands, name) ? subcommands[name] : undefined) ?? [];
  if (load === undefined) {
    const { unknownCommand } = await import('./unknown-words.ts');
    throw unknownCommand(name, subcommands);
  }
  const { usage, optionNames = {}, main } = await load();
  try {
    await main(args, { lookup, all: subcommands });
  } catch (error) {
    if (error instanceof HelpWanted) {
      const { helpOf } = await import('./help.ts');
      return say(helpOf(name, usage));
    }
    const help = error instanceof UnknownOption ? await moreOf(name, error) : '';
    throw Object.assign(error as Error, {
      message: `${wordsOf(optionNames, error as Error)}${help}`,
    });
  }
}

/** What else is said of an option that there is none of. */
async function moreOf(name: string, { option, message }: UnknownOption): Promise<string> {
  const { hintOfOption } = await import('./unknown-words.ts');
  const hint = message.includes(';') ? '' : hintOfOption(name, option);
  return `${hint} (see linux-namespaces ${name} --help)`;
}

/** What hands the signal on has a listener, too. */
function endBySignal(signal: NodeJS.Signals): void {
  if (process.listenerCount(signal) > 1) return;
  process.removeListener(signal, endBySignal);
  process.kill(process.pid, signal);
}

noteInherited();
// Node would open its debugger, by which every user of this machine could have it do what they like.
process.on('SIGUSR1', endBySignal);
// Of Node's own: that FORCE_COLOR and NO_COLOR are both set, which each line on stderr would tell anew.
process.removeAllListeners('warning');
run(process.argv.slice(2)).catch((error: Error) => {
  console.error(`linux-namespaces: ${printable(error.message)}`);
  process.exitCode ??= 1;
});
