/**
 * What the command was started with and Node has changed since, or cannot tell from what is its own:
 * stub.sh, in front of the command, has noted it. Without that, a program gets descriptors 0 to 2, and all
 * signals as they are by default.
 */
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { constants } from 'node:os';
import type { Inherited } from '../child/in-place.ts';

const name = 'LINUX_NAMESPACES_INHERITED';
const withheld = 'NODE_EXTRA_CA_CERTS';
const standard = [0, 1, 2];
const nonBlock = 0o4000; // O_NONBLOCK

interface Start extends Inherited {
  /** As execve(2) was given it, each variable with a zero byte behind it. */
  readonly environment: Buffer | undefined;
}

let start: Start | undefined;

/** At first, before Node has touched its streams, and somebody else has seen the environment. */
export function noteInherited(): void {
  const [pid, ignored, blocked, descriptors, openFiles = '', ...environment] =
    process.env[name]?.split(/\s/) ?? [];
  delete process.env[name];
  // Another's, where somebody handed on an environment as it was.
  const isOurs = Number(pid) === process.pid;
  const isWhole = isOurs && /^\d+$/.test(openFiles);
  const text = isWhole ? environment.join('') : '';
  const noted = text !== '' || (isWhole && isOfShell()) ? Buffer.from(text, 'base64') : undefined;
  if (isOurs) ignore(bits(ignored));
  giveBack(noted);
  start = {
    ignored: isOurs ? bits(ignored) : 0n,
    blocked: isOurs ? bits(blocked) : 0n,
    openFiles: isWhole ? BigInt(openFiles) : 0n,
    nonBlocking: standard.reduce((all, fd) => all | (isNonBlocking(fd) ? 1 << fd : 0), 0),
    descriptors: isWhole || (isOurs && descriptors) ? numbers(descriptors) : standard,
    environment: noted,
  };
}

export function inherited(): Start {
  if (start === undefined) noteInherited();
  return start as Start;
}

/** Was there nothing before the shell, which gives itself these? */
function isOfShell(): boolean {
  return Object.keys(process.env).every(one => ['PWD', 'OLDPWD', 'SHLVL', '_'].includes(one));
}

/** What stub.sh keeps from Node's start alone. */
function giveBack(environment: Buffer | undefined): void {
  const start = `${withheld}=`;
  const variables = environment?.toString('latin1').split('\0') ?? [];
  const found = variables.find(text => text.startsWith(start));
  if (found === undefined) return;
  process.env[withheld] = Buffer.from(found.slice(start.length), 'latin1').toString();
}

/** As before Node: nohup(1) holds for this command, too. A program that it becomes ignores them again. */
function ignore(signals: bigint): void {
  const others = ['SIGKILL', 'SIGSTOP', 'SIGPIPE']; // nothing is to be done there
  for (const [signal, number] of Object.entries(constants.signals)) {
    if ((signals >> BigInt(number - 1)) & 1n && !others.includes(signal)) {
      process.on(signal, () => {});
    }
  }
}

/** With a zero byte between each two variables. */
export function inheritedEnvironment(): Buffer {
  const noted = inherited().environment ?? ownEnvironment();
  const variables = noted.toString('latin1').split('\0');
  const others = variables.filter(text => text !== '' && !text.startsWith(`${name}=`));
  return Buffer.from(others.join('\0'), 'latin1');
}

function ownEnvironment(): Buffer {
  try {
    return readFileSync('/proc/self/environ');
  } catch {
    const pairs = Object.entries(process.env).map(([key, value]) => `${key}=${value}`);
    return Buffer.from(pairs.join('\0')); // without /proc
  }
}

function bits(hexadecimal: string | undefined): bigint {
  return /^[\da-f]{16}$/.test(hexadecimal ?? '') ? BigInt(`0x${hexadecimal}`) : 0n;
}

function numbers(list = ''): number[] {
  return list
    .split(',')
    .filter(Boolean)
    .map(Number)
    .sort((a, b) => a - b);
}

const line = Buffer.alloc(64);

function isNonBlocking(fd: number): boolean {
  try {
    // readFileSync asks for more than that takes, three times at each start.
    const file = openSync(`/proc/self/fdinfo/${fd}`, 'r');
    const length = readSync(file, line);
    closeSync(file);
    const [, flags = '0'] = /^flags:\s*([0-7]+)/m.exec(line.toString('latin1', 0, length)) ?? [];
    return (Number.parseInt(flags, 8) & nonBlock) !== 0;
  } catch {
    return false; // without /proc
  }
}
