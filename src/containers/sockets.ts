/**
 * Asks engines over their HTTP sockets, for what is nowhere else. None is waited for longer than a
 * given time in all, however many requests that takes; a daemon that hangs costs that time, once.
 */
import { builtin } from '../builtin.ts';
import { errnos } from '../errnos.ts';
import { failure } from '../errors.ts';
import { adviceFor, type Reader } from './reader.ts';

const http = builtin('node:http');

/** Bytes of one answer. */
const answerMost = 16 * 2 ** 20;
/** Requests at the same time, to one socket. */
const requestsMost = 8;

interface Asked {
  readonly signal: AbortSignal;
  failed: boolean;
  running: number;
  readonly waiting: (() => void)[];
}

export class Sockets {
  readonly #reader: Reader;
  readonly #timeout: number;
  readonly #asked = new Map<string, Asked>();

  /** `timeout`: in milliseconds; 0 for never. */
  constructor(reader: Reader, timeout: number) {
    this.#reader = reader;
    this.#timeout = timeout;
  }

  /** The JSON of an answer; undefined where there is nobody, or no answer, which is a problem then. */
  async get(socket: string, path: string): Promise<unknown> {
    if (this.#timeout === 0) return undefined;
    const asked = this.#of(socket);
    if (asked.running < requestsMost) asked.running++;
    else await new Promise<void>(resolve => asked.waiting.push(resolve));
    try {
      if (asked.failed) return undefined;
      const answer = await get(socket, path, asked.signal);
      return answer === undefined ? undefined : this.#reader.parse(answer, socket);
    } catch (error) {
      if (!asked.failed) this.#failed(error, socket, asked);
      return undefined;
    } finally {
      const next = asked.waiting.shift();
      if (next) next();
      else asked.running--;
    }
  }

  #of(socket: string): Asked {
    let asked = this.#asked.get(socket);
    if (asked === undefined) {
      const signal = AbortSignal.timeout(this.#timeout);
      asked = { signal, failed: false, running: 0, waiting: [] };
      this.#asked.set(socket, asked);
    }
    return asked;
  }

  #failed(error: unknown, socket: string, asked: Asked): void {
    asked.failed = true;
    const { errno = errnos.EPROTO, syscall = 'read', message } = error as NodeJS.ErrnoException;
    if (errno === errnos.ENOENT || errno === errnos.ECONNREFUSED) return;
    const late = asked.signal.aborted;
    const advice = late
      ? `it did not answer within ${this.#timeout} ms`
      : (adviceFor[errno] ?? message);
    this.#reader.problems.push(
      failure(late ? errnos.ETIMEDOUT : errno, syscall, { target: socket, advice }),
    );
  }
}

/** undefined for what is not there (404): it has been removed. */
function get(socketPath: string, path: string, signal: AbortSignal): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const options = { socketPath, path, signal, agent: false, headers: { host: 'localhost' } };
    const asking = http().request(options, answer => {
      const { statusCode } = answer;
      const parts: Buffer[] = [];
      let length = 0;
      answer.on('data', (part: Buffer) => {
        parts.push(part);
        length += part.length;
        if (length > answerMost) asking.destroy(failure(errnos.EFBIG, 'read'));
      });
      answer.on('error', reject);
      answer.on('end', () => {
        if (statusCode === 404) resolve(undefined);
        else if (statusCode === 200) resolve(Buffer.concat(parts).toString());
        else reject(new Error(`it answered ${statusCode} to ${path}`));
      });
    });
    asking.on('error', reject);
    asking.end();
  });
}
