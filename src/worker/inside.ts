/**
 * The program inside: it hears requests and answers them. It is sent as source when Node starts, as
 * no file of ours can be seen there: it can use nothing around it but what it is given.
 */
import type { Answer, Protocol, Request, Settings, Source } from './protocol.ts';

type Start = (v8: typeof import('node:v8')) => Protocol;

type Call = (...args: unknown[]) => unknown;

/** The exit code where the object that joins was not loaded, so that this is home. */
export const atHome = 125;

export function runInside(makeProtocol: Start, atHome: number): void {
  // What removes it is what joins.
  if (process.env['LD_PRELOAD'] !== undefined) process.exit(atHome);
  const { Socket } = process.getBuiltinModule('node:net');
  const { encode, receiver, pack } = makeProtocol(process.getBuiltinModule('node:v8'));
  /** What was sent; from the first call on, the function that it makes. */
  const functions = new Map<number, Source | ((...args: unknown[]) => unknown)>();
  const iterators = new Map<number, AsyncIterator<unknown>>();
  const socket = new Socket({ fd: 3, readable: true, writable: true });

  const say = (answer: Answer): void => {
    socket.write(encode(answer));
  };

  /** Which of the two have been used: only then is there one to wait for. */
  const outputs = new Set<NodeJS.WriteStream>();
  for (const name of ['stdout', 'stderr'] as const) {
    const { get } = Object.getOwnPropertyDescriptor(process, name) ?? {};
    const use = () => {
      const stream = get?.call(process) as NodeJS.WriteStream;
      outputs.add(stream);
      return stream;
    };
    Object.defineProperty(process, name, { get: use, configurable: true, enumerable: true });
  }

  /** What was written before an answer is out before it: whoever has that may end us. */
  async function flush(): Promise<void> {
    for (const stream of outputs) {
      if (stream.writableLength > 0) await new Promise<unknown>(done => stream.write('', done));
    }
  }

  /** Runs `work` and answers with what became of it, whatever that is. */
  async function answer(id: number, work: () => Promise<Answer> | Answer): Promise<void> {
    try {
      const done = await work();
      if (outputs.size > 0) await flush();
      say(done);
    } catch (thrown) {
      say(['error', id, pack(thrown)]);
    }
  }

  /**
   * A name such as `fs` may have been that of node:fs or of node:fs/promises where `fn` was written. So
   * here it is both: without a callback, which the first refuses, it is the second.
   */
  function offerBoth(name: 'fs' | 'dns'): void {
    const module = process.getBuiltinModule(`node:${name}`) as unknown as Record<string, Call>;
    const both = Object.create(module);
    for (const [key, promised] of Object.entries(module['promises'] as object)) {
      if (typeof promised !== 'function' || !/^[a-z]/.test(key) || key === 'watch') continue;
      both[key] = (...args: unknown[]) =>
        typeof args.at(-1) === 'function' ? module[key]?.(...args) : promised(...args);
    }
    Object.defineProperty(globalThis, name, { value: both, configurable: true, writable: true });
  }

  function offerLater(name: 'fs' | 'dns'): void {
    const get = () => {
      offerBoth(name);
      return (globalThis as unknown as Record<string, unknown>)[name];
    };
    const set = (value: unknown) => Object.defineProperty(globalThis, name, { value });
    Object.defineProperty(globalThis, name, { get, set, configurable: true });
  }

  function settle({ execPath, env }: Settings): void {
    process.execPath = execPath;
    process.argv = [execPath];
    process.argv0 = 'node';
    process.execArgv = [];
    process.title = 'node';
    Object.assign(process.env, env);
  }

  function functionOf(number: number): (...args: unknown[]) => unknown {
    const known = functions.get(number) as Source | ((...args: unknown[]) => unknown);
    if (typeof known === 'function') return known;
    const { text, names } = known;
    const missing = names.find(name => !(name in globalThis));
    if (missing !== undefined) {
      const message = `"fn" must find its variables inside: ${missing} is not there; it is sent as source, so pass it as an argument`;
      throw Object.assign(new TypeError(message), { code: 'ERR_INVALID_ARG_VALUE' });
    }
    // Not in the scope of this program; import() is resolved as in it.
    const compiled = (0, eval)(`${text}\n//# sourceURL=evaluate`);
    functions.set(number, compiled);
    return compiled;
  }

  async function call(id: number, number: number, args: readonly unknown[]): Promise<Answer> {
    const value = await functionOf(number)(...args);
    if (value === undefined) return ['value', id];
    if (typeof value === 'object' && value !== null && Symbol.asyncIterator in value) {
      iterators.set(id, (value as AsyncIterable<unknown>)[Symbol.asyncIterator]());
      return ['iterator', id];
    }
    return ['value', id, value];
  }

  async function step(what: 'next' | 'return', id: number, of: number): Promise<Answer> {
    const iterator = iterators.get(of);
    try {
      const result = await iterator?.[what]?.();
      if (what === 'next' && result && !result.done) return ['value', id, result.value];
      iterators.delete(of);
      return ['done', id, result?.value];
    } catch (thrown) {
      iterators.delete(of);
      throw thrown;
    }
  }

  function hear(request: Request): void {
    const [what] = request;
    if (what === 'settings') settle(request[1]);
    else if (what === 'function') functions.set(request[1], request[2]);
    else if (what === 'call') {
      const [, id, number, ...args] = request;
      answer(id, () => call(id, number, args));
    } else answer(request[1], () => step(what, request[1], request[2]));
  }

  offerLater('fs');
  offerLater('dns');
  socket.on('data', receiver(hear as (message: unknown) => void));
  socket.on('error', () => process.exit());
  socket.on('close', () => process.exit());
  say(['ready']);
}
