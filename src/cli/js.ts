/** `linux-namespaces js`: JavaScript run by a Node of ours inside a process's or container's namespaces. */
import { readFileSync } from 'node:fs';
import { checkTypes } from '../base/errors.ts';
import { openWorker } from '../worker/evaluate.ts';
import { type Options, readArguments, UsageError } from './arguments.ts';
import { print } from './output.ts';
import { targetOf } from './target-argument.ts';

export const usage: string = `linux-namespaces js -t PID|NAME [option...] -e CODE | FILE [argument...]

Runs JavaScript in all namespaces of a process or container, whatever its image holds,
with no more rights than what runs there already. CODE may use require, import() and
await; the arguments are in args. What it returns is printed.

  -t, --target PID|NAME   where
  -e, --eval CODE         in place of a file; a file is read here, not there
  -p, --print CODE        the same for an expression, whose value is printed
      --types LIST        only these: cgroup,ipc,mnt,net,pid,time,user,uts
      --ours              with our rights, not the target's
      --timeout MS        ends it after so many milliseconds`;

const options = {
  target: { short: 't', value: true },
  eval: { short: 'e', value: true },
  print: { short: 'p', value: true },
  types: { value: true },
  ours: {},
  timeout: { value: true },
} as const satisfies Options;

const AsyncFunction = (async () => {}).constructor as new (
  ...parts: string[]
) => (...args: string[]) => Promise<unknown>;

export async function main(words: readonly string[]): Promise<void> {
  const { given, rest } = readArguments(words, options);
  if (given.target === undefined) throw new UsageError('where? --target PID or NAME');
  const code = given.eval ?? (given.print && `return (${given.print}\n)`);
  const [file, ...others] = rest;
  if (code === undefined && file === undefined)
    throw new UsageError('run what? -e CODE, or a file');
  const args = code === undefined ? others : rest;
  const fn = new AsyncFunction('...args', code ?? readFileSync(file as string, 'utf8'));
  const worker = await openWorker(
    await targetOf(given.target),
    given.types === undefined ? 'all' : checkTypes(given.types.split(',')),
    {
      credentials: given.ours ? 'inherit' : 'target',
      timeout: given.timeout === undefined ? undefined : Number(given.timeout),
    },
  );
  try {
    const value = await worker.evaluate(fn, ...args);
    if (value !== undefined) print(value);
  } finally {
    await worker.close();
  }
}
