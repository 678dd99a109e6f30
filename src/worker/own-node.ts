/** The node that workers run, which is ours: whether it can be one inside, and with which flags. */
import { closeSync, openSync, readSync } from 'node:fs';
import { errnos } from '../base/errnos.ts';
import { failure } from '../base/errors.ts';
import { own } from '../base/own-properties.ts';
import { noProc } from '../base/proc.ts';
import { requireNode } from '../base/runtime.ts';
import type { ResourceLimits } from './options.ts';

let checked = false;

/** Refuses, by name, what would not load the object that joins, or is no node to the outside. */
export function requireUsableNode(): void {
  if (checked) return;
  requireNode();
  const reason = unusable();
  if (reason !== undefined) {
    throw Object.assign(
      new Error(`workers need the node program itself; this is ${reason}; use spawn()`),
      { code: 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM' },
    );
  }
  checked = true;
}

function unusable(): string | undefined {
  if (isSingleExecutable()) return 'a single executable application';
  const builtins = externalBuiltins();
  if (builtins) return `a Node that reads parts of itself from files (${builtins})`;
  return isStatic() ? 'a static Node, which loads no shared object' : undefined;
}

function isSingleExecutable(): boolean {
  const sea = process.getBuiltinModule('node:sea') as { isSea(): boolean } | undefined;
  return sea?.isSea() ?? false;
}

/** Distributions may move some of node's own modules out of it: it would take those of the target. */
function externalBuiltins(): string | undefined {
  const { target_defaults } = process.config as unknown as {
    target_defaults?: { defines?: readonly string[] };
  };
  const define = target_defaults?.defines?.find(name => name.startsWith('NODE_SHARED_BUILTIN_'));
  return define?.split('=')[1];
}

/** elf(5): no PT_INTERP, no dynamic loader. */
function isStatic(): boolean {
  const head = Buffer.alloc(4096);
  const fd = openOwnProgram();
  try {
    readSync(fd, head, 0, head.length, 0);
  } finally {
    closeSync(fd);
  }
  const offset = Number(head.readBigUInt64LE(32));
  const size = head.readUInt16LE(54);
  const count = head.readUInt16LE(56);
  for (let i = 0; i < count && offset + (i + 1) * size <= head.length; i++) {
    if (head.readUInt32LE(offset + i * size) === 3) return false;
  }
  return true;
}

function openOwnProgram(): number {
  const target = '/proc/self/exe';
  try {
    return openSync(target, 'r');
  } catch (error) {
    const { errno = errnos.EINVAL } = error as NodeJS.ErrnoException;
    const advice = errno === errnos.ENOENT ? noProc : undefined;
    throw failure(errno, 'open', { target, advice });
  }
}

/**
 * V8 would otherwise map its built-in code once more by the name that /proc/self/maps gives, inside
 * the name of a file of the target.
 */
const always = ['--no-short-builtin-calls'];

export function nodeFlags(limits: ResourceLimits): string[] {
  const { maxOldGenerationSizeMb: old, maxYoungGenerationSizeMb: young, stackSizeMb } = own(limits);
  const flags = [...always];
  if (old !== undefined) flags.push(`--max-old-space-size=${old}`);
  // Three semi-spaces make up the young generation.
  if (young !== undefined) flags.push(`--max-semi-space-size=${Math.max(1, young / 3)}`);
  if (stackSizeMb !== undefined) flags.push(`--stack-size=${Math.floor(stackSizeMb * 1024)}`);
  return flags;
}
