/**
 * The program inside: it hears requests and answers them. It is sent as source when Node starts, as
 * no file of ours can be seen there: it can use nothing around it but what it is given.
 */
import type { Answer, Protocol, Request, Settings } from './protocol.ts';

type Start = (v8: typeof import('node:v8')) => Protocol;

/** The exit code where the object that joins was not loaded, so that this is home. */
export const atHome = 125;

export function runInside(makeProtocol: Start, atHome: number): void {
  // What removes it is what joins.
  if (process.env['LD_PRELOAD'] !== undefined) process.exit(atHome);
  const { Socket } = require('node:net') as typeof import('node:net');
  const { Script, constants } = require('node:vm') as typeof import('node:vm');
  const { encode, receiver, pack } = makeProtocol(require('node:v8'));
  const functions = new Map<string, (...args: unknown[]) => unknown>();
  const iterators = new Map<number, AsyncIterator<unknown>>();
  const socket = new Socket({ fd: 3, readable: true, writable: true });

  const say = (answer: Answer): void => {
    socket.write(encode(answer));
  };

  /** Runs `work` and answers with what became of it, whatever that is. */
  async function answer(id: number, work: () => Promise<Answer> | Answer): Promise<void> {
    try {
      say(await work());
    } catch (thrown) {
      say(['error', id, pack(thrown)]);
    }
  }

  function settle({ execPath, env }: Settings): void {
    process.execPath = execPath;
    process.argv = [execPath];
    process.argv0 = 'node';
    process.execArgv = [];
    process.title = 'node';
    Object.assign(process.env, env);
  }

  function compile(source: string): (...args: unknown[]) => unknown {
    const known = functions.get(source);
    if (known !== undefined) return known;
    const script = new Script(source, {
      filename: 'evaluate',
      importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    });
    const compiled = script.runInThisContext();
    functions.set(source, compiled);
    return compiled;
  }

  async function call(id: number, source: string, args: readonly unknown[]): Promise<Answer> {
    const value = await compile(source)(...args);
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
    else if (what === 'call') answer(request[1], () => call(request[1], request[2], request[3]));
    else answer(request[1], () => step(what, request[1], request[2]));
  }

  socket.on('data', receiver(hear as (message: unknown) => void));
  socket.on('error', () => process.exit());
  socket.on('close', () => process.exit());
  say(['ready']);
}
