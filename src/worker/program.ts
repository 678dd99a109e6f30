/**
 * The program inside: it hears requests and answers them. It is sent as source when Node starts, as
 * no file of ours can be seen there: it can use nothing around it but what it is given.
 */
import type { makeProtocol, Reply, Settings, Source } from './protocol.ts';
import type { makePack } from './thrown.ts';

type Start = typeof makeProtocol;
type Pack = typeof makePack;

/** A kind of answer, and what it carries. */
type Answer = readonly [kind: Reply, value?: unknown];

type Call = (...args: unknown[]) => unknown;

/** The exit code where the object that joins was not loaded, so that this is outside. */
export const notJoined = 125;

export function runInside(makeProtocol: Start, makePack: Pack, notJoined: number): void {
  // What removes it is what joins.
  if (process.env['LD_PRELOAD'] !== undefined) process.exit(notJoined);
  const { Socket } = process.getBuiltinModule('node:net');
  const v8 = process.getBuiltinModule('node:v8');
  const { most, views, encode, isPlain, receiver } = makeProtocol(v8);
  const pack = makePack(isClonable, process.getBuiltinModule('node:util').types.isNativeError);
  /** What was sent; from the first call on, the function that it makes. */
  const functions = new Map<number, Source | ((...args: unknown[]) => unknown)>();
  const iterators = new Map<number, AsyncIterator<unknown>>();
  const answers = new Socket({ fd: 3, readable: false, writable: true });
  const requests = new Socket({ fd: 4, readable: true, writable: false });
  const errorMost = 1 << 16;
  let maxResultBytes = most;

  /** What we are asked comes from who has started us: V8's own reader may believe it. */
  class Reader extends v8.Deserializer {
    _readHostObject(): unknown {
      const kind = this.readUint32();
      const bytes = this.readRawBytes(this.readUint32());
      if (kind === views.length) return Buffer.from(bytes);
      const View = views[kind] as (typeof views)[number];
      return new View(new Uint8Array(bytes).buffer);
    }
  }

  function decode(body: Buffer): unknown {
    if (body[0] !== 0xff) return JSON.parse(body.toString());
    const reader = new Reader(body);
    reader.readHeader();
    return reader.readValue();
  }

  function isClonable(value: unknown): boolean {
    try {
      if (!isPlain(value)) encode('value', 0, value, false, most);
      return true;
    } catch {
      return false;
    }
  }

  function sayError(id: number, thrown: unknown): void {
    const limit = Math.max(maxResultBytes, errorMost);
    const say = (error: unknown) =>
      answers.write(encode('error', id, pack(error), false, limit, 'maxResultBytes'));
    try {
      say(thrown);
    } catch (error) {
      say(error); // why it cannot be said
    }
  }

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

  /** What was written before an answer is out before it: its receiver may end us. */
  async function flush(): Promise<void> {
    for (const stream of outputs) {
      if (stream.writableLength > 0) await new Promise<unknown>(done => stream.write('', done));
    }
  }

  /** Runs `work` and answers with what became of it, whatever that is. */
  async function answer(id: number, work: () => Promise<Answer> | Answer): Promise<void> {
    try {
      const [kind, value] = await work();
      const frame = encode(kind, id, value, isPlain(value), maxResultBytes, 'maxResultBytes');
      if (outputs.size > 0) await flush();
      answers.write(frame);
    } catch (thrown) {
      sayError(id, thrown);
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

  function settle({ execPath, env, ...settings }: Settings): void {
    maxResultBytes = settings.maxResultBytes;
    process.execPath = execPath;
    process.argv = [execPath];
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
    // biome-ignore lint/security/noGlobalEval: to run what it was sent is what this program is for
    const compiled = globalThis.eval(`${text}\n//# sourceURL=evaluate`);
    functions.set(number, compiled);
    return compiled;
  }

  async function call(id: number, number: number, args: readonly unknown[]): Promise<Answer> {
    const value = await functionOf(number)(...args);
    if (value === undefined) return ['value'];
    if (typeof value === 'object' && value !== null && Symbol.asyncIterator in value) {
      iterators.set(id, (value as AsyncIterable<unknown>)[Symbol.asyncIterator]());
      return ['iterator'];
    }
    return ['value', value];
  }

  async function step(what: 'next' | 'return', of: number): Promise<Answer> {
    const iterator = iterators.get(of);
    try {
      const result = await iterator?.[what]?.();
      if (what === 'next' && result && !result.done) return ['value', result.value];
      iterators.delete(of);
      return ['done', result?.value];
    } catch (thrown) {
      iterators.delete(of);
      throw thrown;
    }
  }

  requests.on(
    'data',
    receiver({
      begin() {},
      hear(kind, id, body) {
        let value: unknown;
        try {
          value = decode(body);
        } catch (error) {
          if (kind !== 'call') throw error;
          // V8 leaves it out without a word, and so the rest cannot be read.
          const reason = 'a WebAssembly.Module could not be cloned.';
          sayError(id, new DOMException(reason, 'DataCloneError'));
          return;
        }
        if (kind === 'settings') {
          settle(value as Settings);
          answers.write(encode('ready', id, undefined, true, most));
        } else if (kind === 'function') {
          const [number, source] = value as [number, Source];
          functions.set(number, source);
        } else if (kind === 'call') {
          const [number, ...args] = value as [number, ...unknown[]];
          void answer(id, () => call(id, number, args));
        } else {
          void answer(id, () => step(kind as 'next' | 'return', value as number));
        }
      },
    }),
  );
  offerLater('fs');
  offerLater('dns');
  for (const socket of [answers, requests]) {
    socket.on('error', () => process.exit());
    socket.on('close', () => process.exit());
  }
}
