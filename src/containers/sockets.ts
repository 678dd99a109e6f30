/**
 * Asks engines over their sockets, by HTTP or gRPC, for what is nowhere else. They are waited for no longer than a
 * given time in all, however many there are and however many requests that takes. What listens there
 * may be anybody: the connection takes no file descriptors, and what it is asked for has a bound.
 */

import type { Socket } from 'node:net';
import { binding } from '../base/binding.ts';
import { chunk } from '../base/chunks.ts';
import { errnos } from '../base/errnos.ts';
import { failure, type NamespaceError } from '../base/errors.ts';
import { builtin } from '../base/lazy-builtins.ts';
import { Limiter } from '../base/limiter.ts';
import { sockets as limits, state } from '../base/limits.ts';
import type { GrpcLocation } from './location-types.ts';
import type { Reader } from './reader.ts';
import { adviceFor } from './reading-advice.ts';

const http = builtin('node:http');
const net = builtin('node:net');

const grpc = () => chunk<Grpc>('grpc');

export type Grpc = typeof import('./grpc.ts');

interface Asked {
  failed: boolean;
  readonly requests: Limiter;
}

/** Takes the connection, which it closes; at most so many bytes of an answer are read. */
type Ask<T> = (connection: Socket, signal: AbortSignal, most: number) => Promise<T>;

export class Sockets {
  readonly #timeout: number;
  readonly #problems: NamespaceError[];
  readonly #trusted: boolean;
  readonly #asked = new Map<string, Asked>();
  #signal: AbortSignal | undefined;
  /** Are sockets of gRPC to be asked? */
  readonly grpc: boolean;

  /** `timeout`: in milliseconds; 0 for never. */
  constructor(reader: Reader, timeout: number, grpc: boolean) {
    this.#timeout = Math.ceil(timeout); // AbortSignal takes no fractions
    this.grpc = grpc && timeout > 0;
    this.#problems = reader.problems;
    // Before Linux 6.16 no socket can refuse file descriptors: those of another root may be anybody's.
    this.#trusted = reader.root === '';
  }

  /** The JSON of an answer; undefined where there is nobody, or no answer, which is a problem then. */
  async get(reader: Reader, socket: string, path: string): Promise<unknown> {
    const answer = await this.#ask(reader, socket, false, (connection, signal, most) =>
      get(connection, path, signal, most),
    );
    return answer === undefined ? undefined : reader.parse(answer, socket);
  }

  /** What `read` makes of the answer to a call of gRPC, which is asked with an empty message. */
  async call<T>(
    { reader, socket }: GrpcLocation,
    path: string,
    read: (grpc: Grpc, answer: Buffer) => T,
    metadata: Readonly<Record<string, string>> = {},
  ): Promise<T | undefined> {
    if (!this.grpc) return undefined;
    return this.#ask(reader, socket, true, async (connection, signal) => {
      // In another root, who listens may be root of a container.
      const most = this.#trusted ? limits.answerOfGrpc : limits.answerOfUser;
      const message = Buffer.alloc(0);
      const answer = await grpc().call(connection, { path, metadata, message, most, signal });
      return read(grpc(), answer);
    });
  }

  async #ask<T>(
    reader: Reader,
    socket: string,
    isWanted: boolean,
    ask: Ask<T>,
  ): Promise<T | undefined> {
    if (this.#timeout === 0) return undefined;
    this.#signal ??= AbortSignal.timeout(this.#timeout);
    const asked = this.#of(socket);
    const signal = this.#signal;
    return asked.requests.run(async () => {
      if (asked.failed) return undefined;
      try {
        return await this.#connect(reader, socket, signal, ask);
      } catch (error) {
        if (!asked.failed) this.#failed(error, socket, asked, isWanted);
        return undefined;
      }
    });
  }

  async #connect<T>(reader: Reader, socket: string, signal: AbortSignal, ask: Ask<T>): Promise<T> {
    const place = reader.place(socket);
    const isUsers = place[2] > 0;
    const timeout = Math.min(this.#timeout, state.timeout);
    const trusted = this.#trusted && !isUsers;
    const { error, step, fd } = await binding.connectSocket(...place, trusted, timeout);
    if (error < 0) throw failure(error, step);
    const connection = new (net().Socket)({ fd });
    if (signal.aborted) {
      connection.destroy();
      throw signal.reason;
    }
    return ask(connection, signal, isUsers ? limits.answerOfUser : limits.answer);
  }

  #of(socket: string): Asked {
    const asked = this.#asked.get(socket) ?? {
      failed: false,
      requests: new Limiter(limits.requests),
    };
    this.#asked.set(socket, asked);
    return asked;
  }

  #failed(error: unknown, socket: string, asked: Asked, isWanted: boolean): void {
    asked.failed = true;
    const { errno: number, syscall, message } = error as NodeJS.ErrnoException;
    // HTTP/2's errors have numbers of its library's own, and no call.
    const errno = (syscall && number) || errnos.EPROTO;
    if (silent.includes(errno) && !(isWanted && unreachable.includes(errno))) return;
    const late = this.#signal?.aborted === true;
    const advice = late
      ? `it did not answer within ${this.#timeout} ms`
      : (adviceFor[errno] ?? message);
    this.#problems.push(
      failure(late ? errnos.ETIMEDOUT : errno, syscall ?? 'read', { target: socket, advice }),
    );
  }
}

/** Nobody is there, or, before Linux 6.16, it is not asked. */
const silent: readonly number[] = [
  errnos.ENOENT,
  errnos.ENOTDIR,
  errnos.ECONNREFUSED,
  errnos.EOPNOTSUPP,
];

/** Where it was asked for by name, that is an answer, too. */
const unreachable: readonly number[] = [errnos.ECONNREFUSED, errnos.EOPNOTSUPP];

/** undefined for what is not there (404): it has been removed. */
function get(
  connection: Socket,
  path: string,
  signal: AbortSignal,
  most: number,
): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const headers = { host: 'localhost', connection: 'close' };
    const createConnection = () => connection;
    let isAnswered = false;
    const asking = http().request({ createConnection, path, signal, headers }, answer => {
      isAnswered = true;
      const { statusCode } = answer;
      const parts: Buffer[] = [];
      let length = 0;
      answer.on('data', (part: Buffer) => {
        parts.push(part);
        length += part.length;
        if (length > most) asking.destroy(failure(errnos.EFBIG, 'read'));
      });
      answer.on('error', reject);
      answer.on('end', () => {
        if (statusCode === 404) resolve(undefined);
        else if (statusCode === 200) resolve(Buffer.concat(parts).toString());
        else reject(new Error(`it answered ${statusCode} to ${path}`));
      });
    });
    asking.on('error', reject);
    asking.on('close', () => {
      connection.destroy();
      // Another protocol (101) is neither an answer to Node nor an error.
      if (!isAnswered) reject(new Error(`it gave no answer to ${path}`));
    });
    asking.end();
  });
}
