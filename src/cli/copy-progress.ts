/** Shows how far a copy is, where there is a terminal for that. */
import { pipeline, type Readable, Transform } from 'node:stream';
import { chunk } from '../base/chunks.ts';
import type { CopyOptions } from '../root/options.ts';
import type { Expect } from './copy-size.ts';

export interface Shown {
  /** For a copy that says it itself. */
  readonly progress: CopyOptions['progress'];
  /** The same stream, whose bytes are counted. */
  counted(stream: Readable): Readable;
}

/** `ask`: how many bytes it will be. `signal` is aborted when that is of no interest any more. */
export async function withProgress(
  quiet: boolean,
  ask: (expect: Expect, signal: AbortSignal) => void | Promise<void>,
  work: (shown: Shown) => Promise<void>,
): Promise<void> {
  if (quiet || !process.stderr.isTTY) {
    return work({ progress: undefined, counted: stream => stream });
  }
  const { startBar } = chunk<typeof import('./progress.ts')>('progress');
  const bar = startBar(process.stderr);
  const over = new AbortController();
  let bytes = 0;
  const count = (data: Buffer) => {
    bytes += data.length;
    bar.show({ bytes });
  };
  let says = true;
  try {
    await ask(total => {
      if (!over.signal.aborted) bar.expect(total);
    }, over.signal);
    await work({
      progress(progress) {
        bytes = progress.bytes;
        bar.show(progress);
      },
      counted: stream => through(stream, count),
    });
  } catch (error) {
    // That nothing was copied is what the error says; of an end by a signal it is what is left.
    says = bytes > 0 || (error as NodeJS.ErrnoException).code === 'ABORT_ERR';
    throw error;
  } finally {
    over.abort();
    bar.stop(says);
  }
}

/** An error of `stream` is one of what comes out. */
function through(stream: Readable, count: (data: Buffer) => void): Readable {
  const counter = new Transform({
    transform(data, _encoding, done) {
      count(data);
      done(null, data);
    },
  });
  pipeline(stream, counter, () => {}); // who reads it hears of it
  return counter;
}
