/**
 * What Node's spawnSync makes of its arguments, with Node's checks and codes: Node has no handle there that
 * could be exchanged for ours, as the asynchronous functions have.
 */
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import { checkBoolean } from '../base/check.ts';
import { invalidType, invalidValue } from '../base/errors.ts';
import { isBytes, isUrl } from '../base/paths.ts';
import type { Options } from './arguments.ts';
import type { Program } from './launch.ts';

/** In SpawnRequest.stdio. */
const closed = -1;
const pipe = -2;
const devNull = -3;

export interface SyncProgram extends Program {
  readonly input: Uint8Array | undefined;
  readonly timeout: number;
  readonly maxBuffer: number;
  readonly killSignal: number;
  readonly encoding: string | undefined;
}

/** `environment`: of the child. `foreign`: nothing of ours is added to it. */
export function syncProgram(
  file: unknown,
  list: readonly unknown[],
  options: Options,
  environment: unknown,
  foreign: boolean,
): SyncProgram {
  checkText('file', file);
  if (file === '') throw invalidValue('file', 'a name or a path', file);
  list.forEach((each, i) => {
    if (typeof each === 'string') checkText(`args[${i}]`, each);
  });
  const { detached, uid, gid, shell, argv0, windowsHide, windowsVerbatimArguments } = options;
  for (const [name, value] of Object.entries({ detached, windowsHide, windowsVerbatimArguments })) {
    if (isGiven(value)) checkBoolean(`options.${name}`, value);
  }
  for (const [name, value] of Object.entries({ uid, gid })) {
    if (isGiven(value) && !Number.isInteger(value)) {
      throw wrongNumber(`options.${name}`, 'an id', value, invalidType);
    }
  }
  if (isGiven(shell) && typeof shell !== 'boolean' && typeof shell !== 'string') {
    throw invalidType('options.shell', 'a boolean or a string', shell);
  }
  if (isGiven(argv0)) checkText('options.argv0', argv0);
  const line = shell ? commandLine(file, list, shell) : { file, args: list };
  const { timeout, maxBuffer } = limitsIn(options);
  return {
    file: line.file,
    args: [typeof argv0 === 'string' ? argv0 : line.file, ...line.args] as string[],
    cwd: directoryIn(options['cwd']),
    envPairs: pairsOf(environment, foreign),
    detached: Boolean(detached),
    uid,
    gid,
    stdio: stdioOf(options['stdio'] || 'pipe'),
    input: inputIn(options),
    timeout,
    maxBuffer,
    killSignal: signalOf(options['killSignal']),
    encoding: options['encoding'] as string | undefined,
  };
}

const isGiven = (value: unknown) => value !== undefined && value !== null;

function checkText(name: string, value: unknown): asserts value is string {
  if (typeof value !== 'string') throw invalidType(name, 'a string', value);
  if (value.includes('\0')) throw invalidValue(name, 'a string without null bytes', value);
}

function commandLine(file: string, list: readonly unknown[], shell: unknown) {
  const program = typeof shell === 'string' ? shell : '/bin/sh';
  checkText('options.shell', program);
  return { file: program, args: ['-c', [file, ...list].join(' ')] };
}

function directoryIn(cwd: unknown): string | undefined {
  if (!isGiven(cwd)) return undefined;
  const bytes = isBytes(cwd) ? Buffer.from(cwd).toString() : cwd;
  const path = isUrl(bytes) ? fileURLToPath(bytes) : bytes;
  checkText('options.cwd', path);
  return path;
}

/** In Node's order, with what the object inherits. */
function pairsOf(environment: unknown, foreign: boolean): string[] {
  const pairs: string[] = [];
  const coverage = process.env['NODE_V8_COVERAGE'];
  const has = (name: string) => Object.hasOwn(Object(environment), name);
  for (const name in environment as Record<string, unknown>) {
    const value = (environment as Record<string, unknown>)[name];
    if (value === undefined) continue;
    checkText(`options.env['${name}']`, name);
    if (typeof value === 'string') checkText(`options.env['${name}']`, value);
    pairs.push(`${name}=${value}`.split('\0', 1)[0] as string);
  }
  if (coverage !== undefined && !foreign && !has('NODE_V8_COVERAGE')) {
    pairs.push(`NODE_V8_COVERAGE=${coverage}`);
  }
  return pairs;
}

function limitsIn(options: Options): { timeout: number; maxBuffer: number } {
  const timeout = options['timeout'];
  const maxBuffer = options['maxBuffer'];
  if (isGiven(timeout) && !(Number.isInteger(timeout) && (timeout as number) >= 0)) {
    throw wrongNumber('timeout', 'an unsigned integer', timeout, outOfRange);
  }
  if (isGiven(maxBuffer) && !(typeof maxBuffer === 'number' && maxBuffer >= 0)) {
    throw wrongNumber('options.maxBuffer', 'a positive number', maxBuffer, outOfRange);
  }
  return {
    timeout: (timeout as number | null | undefined) ?? 0,
    // An option that is there, and is none, is no limit.
    maxBuffer: Object.hasOwn(options, 'maxBuffer') ? ((maxBuffer as number) ?? 0) : 1024 * 1024,
  };
}

/** Up to Node 24 it is the same error for all that is wrong; since, what is no number is of the wrong type. */
function wrongNumber(
  name: string,
  wanted: string,
  got: unknown,
  always: typeof invalidType | typeof outOfRange,
): Error {
  const isNewer = Number.parseInt(process.versions.node, 10) >= 26;
  const made = isNewer ? (typeof got === 'number' ? outOfRange : invalidType) : always;
  return made(name, wanted, got);
}

function outOfRange(name: string, wanted: string, got: unknown): RangeError {
  const message = `The value of "${name}" is out of range. It must be ${wanted}. Received ${String(got)}`;
  return Object.assign(new RangeError(message), { code: 'ERR_OUT_OF_RANGE' });
}

function signalOf(signal: unknown): number {
  if (!isGiven(signal)) return constants.signals.SIGTERM;
  if (typeof signal !== 'string' && typeof signal !== 'number') {
    throw invalidType('options.killSignal', 'a string or a number', signal);
  }
  const { signals } = constants;
  const number =
    typeof signal === 'number'
      ? Object.values(signals).find(known => known === signal)
      : (signals as Record<string, number>)[signal.toUpperCase()];
  if (
    number === undefined ||
    (typeof signal === 'string' && !Object.hasOwn(signals, signal.toUpperCase()))
  ) {
    throw Object.assign(new TypeError(`Unknown signal: ${signal}`), { code: 'ERR_UNKNOWN_SIGNAL' });
  }
  return number;
}

/** For the first of stdio, where that is a pipe. */
function inputIn(options: Options): Uint8Array | undefined {
  const input = options['input'];
  if (!input) return undefined;
  if (typeof input === 'string') {
    return Buffer.from(input, options['encoding'] as BufferEncoding | undefined);
  }
  if (!ArrayBuffer.isView(input)) {
    throw invalidType('options.stdio[0]', 'a string, a Buffer or another view', input);
  }
  return new Uint8Array(input.buffer, input.byteOffset, input.byteLength);
}

function stdioOf(given: unknown): Int32Array {
  const list = typeof given === 'string' ? shortcut(given) : given;
  if (!Array.isArray(list)) throw invalidValue('stdio', 'a string or an array', given);
  const length = Math.max(3, list.length);
  return Int32Array.from({ length }, (_, i) => descriptorOf(list[i] ?? undefined, i, given));
}

function shortcut(name: string): unknown[] {
  if (['ignore', 'pipe', 'overlapped'].includes(name)) return [name, name, name];
  if (name === 'inherit') return [0, 1, 2];
  throw invalidValue('stdio', "'pipe', 'overlapped', 'ignore', 'inherit' or an array", name);
}

function descriptorOf(one: unknown, i: number, given: unknown): number {
  const kind = one ?? (i < 3 ? 'pipe' : 'ignore');
  if (kind === 'ignore') return i < 3 ? devNull : closed;
  if (kind === 'pipe' || kind === 'overlapped') return pipe;
  if (kind === 'inherit') return i;
  if (kind === 'ipc') {
    const message = 'IPC cannot be used with synchronous forks';
    throw Object.assign(new Error(message), { code: 'ERR_IPC_SYNC_FORK' });
  }
  if (typeof kind === 'number') return kind < 0 ? pipe : kind;
  const stream = kind as { fd?: unknown; _handle?: { fd?: unknown } };
  for (const fd of [stream.fd, stream._handle?.fd]) {
    if (typeof fd === 'number' && fd >= 0) return fd;
  }
  throw invalidValue('stdio', 'made of what a child can be given', given);
}
