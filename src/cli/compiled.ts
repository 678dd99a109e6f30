/**
 * The command as V8 has compiled it: a directory in lib/compiled for one build and one Node, with a file for each
 * file of the command, which has its source, too: so what was compiled cannot be of another source. compile.ts
 * makes them when the package is installed, and they belong to whom the package belongs. What V8 has compiled
 * with other flags it does not take, and compiles the source.
 */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { constants, Script } from 'node:vm';
import { folder } from '../base/here.ts';
import { build } from './build.ts';

export const all: string = join(folder, 'compiled');

/**
 * That of this build, and of the program that runs it: V8 asks for its own version, and not whether that was built
 * in another way, as a distribution's is.
 */
export function own(): string {
  const { size, mtimeMs } = statSync(process.execPath);
  return join(all, [build, process.version, process.arch, size, mtimeMs].join('-'));
}

/** What Node gives a module of CommonJS. */
export type Run = (
  exports: unknown,
  require: (id: string) => unknown,
  module: { exports: unknown },
  filename: string,
  dirname: string,
) => void;

const before = '(function (exports, require, module, __filename, __dirname) {';

/** The text of a script whose value is a `Run`. */
export const wrapped = (source: string): string => `${before}${source}\n})`;

/** `file` of lib; `text` as it was wrapped. */
export function scriptOf(file: string, text: string, cachedData?: Buffer): Script {
  return new Script(text, {
    filename: join(folder, file),
    columnOffset: -before.length, // of the first line
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    ...(cachedData ? { cachedData } : {}),
  });
}

/** The length of the text in bytes; the text; what was compiled. */
export function pack(text: string, compiled: Buffer): Buffer {
  const bytes = Buffer.from(text);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes.length);
  return Buffer.concat([length, bytes, compiled]);
}

/** Of a file in the directory `own()`; undefined where there is none, or not the whole of it. */
export function read(directory: string, file: string): Script | undefined {
  let packed: Buffer;
  try {
    packed = readFileSync(join(directory, file));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const end = packed.length < 4 ? Number.POSITIVE_INFINITY : 4 + packed.readUInt32LE();
  if (end >= packed.length) return undefined;
  return scriptOf(file, packed.toString('utf8', 4, end), packed.subarray(end));
}
