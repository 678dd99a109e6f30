/** Work of which only so much goes on at the same time: the rest waits for its turn, in order. */
import { abortError, onAbort } from './abort.ts';

export class Limiter {
  readonly #most: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(most: number) {
    this.#most = most;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.enter();
    if (turn !== undefined) await turn;
    try {
      return await work();
    } finally {
      this.leave();
    }
  }

  /** undefined where it may go on at once, without having waited for anything. Rejects with an AbortError. */
  enter(signal?: AbortSignal): Promise<void> | undefined {
    if (this.#running >= this.#most) return this.#turn(signal);
    this.#running++;
    return undefined;
  }

  /** Once for each that has entered: who waits has its turn. */
  leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#running--;
    else next();
  }

  #turn(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      let end = () => {};
      const go = () => {
        end();
        resolve();
      };
      this.#waiting.push(go);
      if (signal === undefined) return;
      end = onAbort(signal, () => {
        end();
        const at = this.#waiting.indexOf(go);
        if (at >= 0) this.#waiting.splice(at, 1);
        reject(abortError(signal));
      });
    });
  }
}
