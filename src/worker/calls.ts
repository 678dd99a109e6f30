/**
 * The calls of a worker that wait for their answers, and what may come as one. An attacker who has got hold of the
 * worker writes anything at any time: a frame is judged by its header, and nothing is read, kept
 * or taken apart for which nobody waits. What a worker of ours would not write ends the worker.
 */
import { clearTimeout, setTimeout } from '../base/timers.ts';
import { readClone } from './clone.ts';
import { Malformed } from './clone-bytes.ts';
import { brokenProtocol, timedOut } from './errors.ts';
import type { Kind, Protocol, Reply, Request } from './protocol.ts';
import { unpack } from './thrown.ts';

/** What each request can be answered with; 'settings' are sent at the start. */
const replies: Partial<Record<Request, readonly Kind[]>> = {
  settings: ['ready'],
  call: ['value', 'iterator', 'error'],
  next: ['value', 'done', 'error'],
  return: ['done', 'error'],
};

/** An error may have that much, in bytes, also where results may not. */
export const errorMost: number = 1 << 16;

export interface Answer {
  readonly kind: Reply;
  readonly value: unknown;
}

interface Pending {
  readonly request: Request;
  resolve(answer: Answer): void;
  reject(error: unknown): void;
  timer?: NodeJS.Timeout | undefined;
}

export class Calls {
  readonly #pending = new Map<number, Pending>();
  readonly #protocol: Protocol;
  readonly #most: number;
  readonly #timeout: number | undefined;
  readonly #kill: (error: unknown) => void;
  /** Why there are no more. */
  #over: unknown;

  constructor(
    protocol: Protocol,
    most: number,
    timeout: number | undefined,
    kill: (error: unknown) => void,
  ) {
    this.#protocol = protocol;
    this.#most = most;
    this.#timeout = timeout;
    this.#kill = kill;
  }

  /** Rejects with what the answer says was thrown, or that kept it from being one. */
  add(id: number, request: Request): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#over !== undefined) return reject(this.#over);
      const limit = this.#timeout;
      const timer =
        limit === undefined ? undefined : setTimeout(() => this.#kill(timedOut(limit)), limit);
      this.#pending.set(id, { request, resolve, reject, timer });
    });
  }

  rejectAll(error: unknown): void {
    this.#over = error;
    for (const id of [...this.#pending.keys()]) this.#take(id)?.reject(error);
  }

  /** For the 'data' of the channel. */
  receiver(): (bytes: Buffer) => void {
    const receive = this.#protocol.receiver({
      begin: (kind, id, length) => this.#begin(kind, id, length),
      hear: (kind, id, body) => this.#hear(kind as Reply, id, body),
    });
    return bytes => {
      if (this.#over !== undefined) return;
      try {
        receive(bytes);
      } catch (error) {
        this.#kill(error);
      }
    };
  }

  #begin(kind: Kind | undefined, id: number, length: number): void {
    if (this.#over !== undefined) throw this.#over;
    const pending = this.#pending.get(id);
    if (pending === undefined) throw brokenProtocol('an answer to what nobody has asked');
    if (kind === undefined || !replies[pending.request]?.includes(kind)) {
      throw brokenProtocol('an answer of the wrong kind');
    }
    const empty = kind === 'ready' || kind === 'iterator';
    const most = empty ? 0 : Math.max(this.#most, kind === 'error' ? errorMost : 0);
    if (length > most)
      throw brokenProtocol(`an answer of ${length} bytes, where it may have ${most}`);
  }

  /** A call is settled in any case, so it is given up only when there is something to settle it with. */
  #hear(kind: Reply, id: number, body: Buffer): void {
    let value: unknown;
    let failed = false;
    try {
      value = this.#read(body, kind);
      if (kind === 'error') value = unpack(value);
    } catch (error) {
      if (error instanceof Malformed) throw brokenProtocol(error.message);
      value = error; // too large, too deep: a worker of ours may have sent that
      failed = true;
    }
    const pending = this.#take(id);
    if (failed || kind === 'error') pending?.reject(value);
    else pending?.resolve({ kind, value });
  }

  #read(body: Buffer, kind: Reply): unknown {
    const { plainMost, views } = this.#protocol;
    if (body.length === 0) return undefined;
    if (body[0] === 0xff) {
      return readClone(
        body,
        kind === 'error' ? Math.max(this.#most, errorMost) : this.#most,
        views,
      );
    }
    if (body.length > 6 * plainMost + 2) throw new Malformed('more text than is sent as JSON');
    let value: unknown;
    try {
      value = JSON.parse(body.toString());
    } catch {
      throw new Malformed('no value');
    }
    if (typeof value === 'object' && value !== null) throw new Malformed('no plain value');
    return value;
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    clearTimeout(pending?.timer);
    this.#pending.delete(id);
    return pending;
  }
}
