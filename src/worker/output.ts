/** What a worker writes to stdout and stderr: to ours, whole, and its last words for an error. */
import { PassThrough, type Readable, type Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

const lastMost = 4096;

/** How often, 5 ms apart, nothing more has to come before the rest is somebody else's. */
const patience = 20;

/** Reads one of the streams into another: ours, or one for the caller. */
export class Output {
  readonly #from: Readable;
  #last = '';
  #chunks = 0;
  #over = false;

  constructor(from: Readable, to: Writable) {
    this.#from = from;
    from.on('data', (chunk: Buffer) => {
      this.#chunks++;
      this.#last = (this.#last + chunk.toString('latin1')).slice(-lastMost);
      // One for the caller keeps what he has not read: the worker must not have to wait for him.
      if (to.write(chunk) || this.#over || to instanceof PassThrough) return;
      from.pause();
      to.once('drain', () => from.resume());
    });
  }

  /** The last that came, at most 4 KiB. */
  get last(): string {
    return Buffer.from(this.#last, 'latin1').toString();
  }

  /**
   * After the end of the process: until all that it wrote has been read. What it started may hold the
   * stream open for ever, but what it wrote itself is there to be read at once.
   */
  async drain(): Promise<void> {
    this.#over = true;
    this.#from.resume();
    let seen = this.#chunks;
    for (let idle = 0; idle < patience && !this.#from.closed; idle++) {
      await sleep(5);
      if (seen !== this.#chunks) idle = -1;
      seen = this.#chunks;
    }
    this.#from.destroy();
  }
}
