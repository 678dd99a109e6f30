/** A directory or file of a container as a stream of tar. */

import type { Readable } from 'node:stream';
import { abortError, onAbort } from '../base/abort.ts';
import { chunk } from '../base/chunks.ts';
import { builtin } from '../base/lazy-builtins.ts';
import type { Calls } from './calls.ts';
import { type ArchiveOptions, bytesOf, type InsidePath, optionsOf, shownAs } from './options.ts';
import { Packing } from './packing.ts';

const streams = builtin('node:stream');

const names = ['signal', 'special', 'oneFileSystem'] as const satisfies (keyof ArchiveOptions)[];

export function archive(calls: Calls, path: InsidePath, options?: ArchiveOptions): Readable {
  const { special, ...others } = { ...options };
  const { signal, oneFileSystem } = optionsOf<ArchiveOptions>(options && others, {}, names);
  const [bytes, shown] = [bytesOf(path), shownAs(path)];
  const end = new AbortController();
  const signals = signal ? AbortSignal.any([signal, end.signal]) : end.signal;
  const all = { special, oneFileSystem, signal: signals };
  const source = blocks(calls, bytes, shown, all, end);
  const stream = streams().Readable.from(source, { objectMode: false });
  if (signal === undefined) return stream;
  // Also where no call is under way, as nobody reads.
  const abort = () => stream.destroy(abortError(signal));
  if (signal.aborted) return abort();
  return stream.once('close', onAbort(signal, abort));
}

async function* blocks(
  calls: Calls,
  path: Buffer,
  shown: string,
  options: ArchiveOptions & { signal: AbortSignal },
  end: AbortController,
): AsyncGenerator<Uint8Array> {
  const tar = chunk<typeof import('./tar.ts')>('tar');
  const stream = tar.pack();
  stream.on('error', () => {}); // the iterator throws it
  const packing = new Packing(calls, shown, options, stream, tar);
  const packed = packing.run(path).then(
    () => stream.finalize(),
    error => stream.destroy(error),
  );
  try {
    for await (const bytes of stream) yield bytes;
  } finally {
    end.abort();
    stream.destroy();
    await packed;
  }
}
