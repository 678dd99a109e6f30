/** `linux-namespaces js`: JavaScript run by a Node of ours inside a process's or container's namespaces. */
import { constants } from 'node:os';
import { checkTypes } from '../base/errors.ts';
import { WorkerError } from '../worker/errors.ts';
import { openWorker } from '../worker/evaluate.ts';
import type { NamespaceWorker } from '../worker/worker.ts';
import { type Arguments, readArguments, UnknownOption, UsageError } from './arguments.ts';
import { numberOf } from './ids.ts';
import { inherited } from './inherited.ts';
import { feedInput, hideWarning, type Program, runProgram, wantInput } from './js-inside.ts';
import { lookupOf, lookupOptions } from './lookup.ts';
import { hasColors } from './output.ts';
import { readText } from './read-text.ts';
import type { Context } from './subcommand.ts';
import { targetOf } from './target-argument.ts';
import { typeNamed } from './type-options.ts';
import type { Described, Usage } from './usage.ts';

const options = {
  target: { short: 't', value: true, placeholder: 'PID|NAME', about: 'where' },
  eval: {
    short: 'e',
    value: true,
    placeholder: 'CODE',
    about: 'in place of a file; a file is read here, not there',
  },
  print: {
    short: 'p',
    value: true,
    placeholder: 'CODE',
    about: 'the same for an expression, whose value is printed',
  },
  'input-type': {
    value: true,
    placeholder: 'TYPE',
    about: 'module: with import and export, as files *.mjs are; commonjs',
  },
  types: {
    value: true,
    placeholder: 'LIST',
    about: 'only these: cgroup,ipc,mnt,net,pid,time,user,uts',
  },
  ours: { about: "with our rights, not the target's" },
  timeout: { value: true, placeholder: 'MS', about: 'ends it after so many milliseconds' },
  ...lookupOptions,
} as const satisfies Described;

export const usage: Usage = {
  lines: ['-t PID|NAME [option...] [-e CODE | FILE | -] [argument...]'],
  about: [
    'Runs JavaScript in all namespaces of a process or container, whatever its image holds, with no more rights than what runs there already, as node would: with its stdin, exit codes and stacks. CODE may use require, import(), await, and return, whose value is printed; the arguments are in args and in process.argv. Without code, it is what comes from stdin, or, of a terminal, each line that is typed.',
  ],
  options,
  examples: [
    ["linux-namespaces js -t web -p 'os.hostname()'", 'the value of an expression'],
    [
      'linux-namespaces js -t web -e \'return (await dns.lookup("db")).address\'',
      'what a name means in there',
    ],
    ['linux-namespaces js -t web check.mjs --verbose < hosts', 'a file of ours'],
  ],
};

export const optionNames = { timeout: '--timeout' };

export async function main(words: readonly string[], { lookup }: Context): Promise<void> {
  const { given, order, rest } = read(words);
  if (given.target === undefined) {
    const { withoutTarget } = await import('./meant-line.ts');
    throw await withoutTarget('where?', '--target PID or NAME', {
      command: 'js',
      lookup: [lookup, given],
      options: words.slice(0, words.length - rest.length),
      rest,
    });
  }
  const type = given['input-type'];
  if (type !== undefined && type !== 'module' && type !== 'commonjs') {
    throw new UsageError(`--input-type is module or commonjs, not ${type}`);
  }
  // As node has it: of -e and -p the last one is the code, and -p prints.
  const code = order.findLast(({ name }) => name === 'eval' || name === 'print')?.value;
  const program = programOf(code as string | undefined, given.print !== undefined, type, rest);
  const isClosed = !inherited().descriptors.includes(1);
  const worker = await openWorker(
    await targetOf(given.target, lookupOf(lookup, given)),
    given.types === undefined ? 'all' : checkTypes(given.types.split(','), '--types'),
    {
      credentials: given.ours ? 'inherit' : 'target',
      timeout: given.timeout === undefined ? undefined : millisecondsOf(given.timeout),
      stdout: isClosed,
    },
  ).catch(error => {
    throw inWords(error);
  });
  let isLost = false;
  if (isClosed) {
    worker.stdout.on('data', () => {
      isLost = true;
    });
  }
  try {
    await worker.evaluate(hideWarning);
    if (program === undefined) {
      const { runRepl } = await import('./js-repl.ts');
      await runRepl(worker, given.target, hasColors());
    } else {
      await runWithInput(worker, program);
    }
  } catch (error) {
    endAs(error);
  } finally {
    await worker.close();
  }
  if (!isLost) return;
  process.exitCode ||= 1;
  throw new Error('stdout is closed'); // Node has opened /dev/null in its place
}

function read(words: readonly string[]): Arguments<typeof options> {
  try {
    const line = readArguments(words, options);
    // As node has it: -p and -e in one.
    const both = words.slice(0, words.length - line.rest.length).indexOf('-pe');
    if (line.given.print !== 'e' || both < 0) return line;
    return readArguments(words.with(both, '-p'), options);
  } catch (error) {
    // As for enter: they would be nothing else here.
    const type = error instanceof UnknownOption ? typeNamed(error.option) : undefined;
    if (type !== undefined) (error as Error).message += `; here that is --types ${type}`;
    throw error;
  }
}

function millisecondsOf(text: string): number {
  const number = numberOf(text);
  if (number !== undefined) return number;
  throw new UsageError(`--timeout must be a number of milliseconds above 0, not ${text}`);
}

/** undefined: what is typed. */
function programOf(
  code: string | undefined,
  print: boolean,
  type: string | undefined,
  rest: readonly string[],
): Program | undefined {
  const [module, colors] = [type === 'module', hasColors()];
  if (code !== undefined) {
    // With a semicolon at its end, as it is written in code.
    const inline = print && code ? `return (${code.replace(/[\s;]+$/, '')}\n)` : code;
    const script = print ? code : undefined;
    return { code: inline, script, file: '[eval]', args: rest, module, print, colors };
  }
  const [file, ...args] = rest;
  if (file === undefined && process.stdin.isTTY) return undefined;
  const isInput = file === undefined || file === '-';
  const text = textOf(isInput ? 0 : file).replace(/^#!/, '//');
  const isModule = module || (type === undefined && !isInput && file.endsWith('.mjs'));
  return { code: text, file: isInput ? '[stdin]' : file, args, module: isModule, print, colors };
}

function textOf(file: string | 0): string {
  try {
    return readText(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new UsageError(`there is no file ${file}; code is what stands behind -e or -p`);
  }
}

/** Of our stdin no more is read than what is asked for inside. */
async function runWithInput(worker: NamespaceWorker, program: Program): Promise<void> {
  const wants = await worker.evaluate(wantInput);
  const feeding = feed(worker, wants);
  feeding.catch(() => {}); // its end is that of the worker, which is heard below
  try {
    await worker.evaluate(runProgram, program);
  } finally {
    process.stdin.destroy();
  }
}

async function feed(worker: NamespaceWorker, wants: AsyncIterable<unknown>): Promise<void> {
  let chunks: AsyncIterator<Buffer> | undefined;
  for await (const _ of wants) {
    chunks ??= process.stdin[Symbol.asyncIterator]();
    const read = await chunks.next().catch((error: NodeJS.ErrnoException) => error);
    if (read instanceof Error) {
      const { message, code, errno, syscall } = read;
      await worker.evaluate(feedInput, null, { message, code, errno, syscall });
      return;
    }
    await worker.evaluate(feedInput, read.done ? null : new Uint8Array(read.value));
    if (read.done) return;
  }
}

/** Who runs a program knows of no worker. */
function inWords(error: Error): Error {
  if (!(error instanceof WorkerError)) return error;
  return Object.assign(error, { message: error.message.replace(/^the worker/, 'the program') });
}

/** As it ended; what it had to say it has said. */
function endAs(error: unknown): void {
  if (!(error instanceof WorkerError) || error.code !== 'ERR_WORKER_EXITED') {
    throw inWords(error as Error);
  }
  const { exitCode, signal } = error;
  if (signal != null) {
    console.error(`linux-namespaces: the program was ended by ${signal}`);
    process.exitCode = 128 + constants.signals[signal];
    return;
  }
  process.exitCode = exitCode ?? 1;
}
