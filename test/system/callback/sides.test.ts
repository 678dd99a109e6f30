/** What is entered from the other side, shared by both, or there once for the whole process. */
import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks';
import { fork } from 'node:child_process';
import dns from 'node:dns';
import { EventEmitterAsyncResource, once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import os from 'node:os';
import timers from 'node:timers/promises';
import { isMainThread } from 'node:worker_threads';
import { type Namespaces, withNamespaces } from 'linux-namespaces';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { collected, home, lab, openFds, place, Track, withLoad } from '../shared/lab.ts';
import { script } from '../shared/script.ts';

const port = (server: { address(): unknown }) => (server.address() as AddressInfo).port;

let blue: Namespaces;

describe('code that is entered from the other side', () => {
  beforeAll(async () => {
    blue = await lab();
  });
  afterAll(() => blue.close());

  /** Calls a function that was bound at one side from the other, and looks before, in it, and after. */
  async function both(bind: (look: () => number) => () => number): Promise<void> {
    const inside = blue.inode('net');
    const fromInside = blue.run(() => bind(place));
    const fromOutside = bind(place);
    await withLoad(async () => {
      expect([place(), fromInside(), place()]).toEqual([home, inside, home]);
      await timers.setTimeout(1);
      expect([place(), fromInside(), place()]).toEqual([home, inside, home]);
      const seen = await blue.run(async () => {
        const first = [place(), fromOutside(), place()];
        await null;
        return [...first, place(), fromOutside(), place(), fromInside(), place()];
      });
      const around = [inside, home, inside];
      expect(seen).toEqual([...around, ...around, inside, inside]);
    });
  }

  test('AsyncResource.bind', () => both(look => AsyncResource.bind(look)));
  test('AsyncResource.runInAsyncScope', () =>
    both(look => {
      const resource = new AsyncResource('x');
      return () => resource.runInAsyncScope(look);
    }));
  test('AsyncLocalStorage.bind', () => both(look => AsyncLocalStorage.bind(look)));
  test('AsyncLocalStorage.snapshot', () =>
    both(look => {
      const enter = AsyncLocalStorage.snapshot();
      return () => enter(look);
    }));
  test('EventEmitterAsyncResource', () =>
    both(look => {
      const emitter = new EventEmitterAsyncResource({ name: 'x' });
      let seen = 0;
      emitter.on('look', () => {
        seen = look();
      });
      return () => {
        emitter.emit('look');
        return seen;
      };
    }));
});

// A Worker gets none.
if (isMainThread) {
  test("a signal is the whole process's: its handlers run outside, unless they are bound", async () => {
    using where = await lab();
    const seen: number[] = [];
    await where.run(async () => {
      process.once('SIGWINCH', () => seen.push(place()));
      process.once(
        'SIGWINCH',
        AsyncResource.bind(() => void seen.push(place())),
      );
      process.kill(process.pid, 'SIGWINCH');
      while (seen.length < 2) await timers.setTimeout(1);
    });
    expect(seen).toEqual([home, where.inode('net')]);
  });
}

test("a user's own AsyncLocalStorage keeps working, in and out", async () => {
  using where = await lab();
  const storage = new AsyncLocalStorage<string>();
  await storage.run('around', async () => {
    const inner = await where.run(async () => {
      await timers.setTimeout(1);
      const around = storage.getStore();
      const nested = await storage.run('inner', async () => {
        await dns.promises.lookup('localhost');
        return storage.getStore();
      });
      return [around, nested, os.hostname()];
    });
    expect(inner).toEqual(['around', 'inner', 'lab']);
    await null;
    expect(storage.getStore()).toBe('around');
  });
});

interface Locks {
  request(name: string, fn: () => Promise<number>): Promise<number>;
}
const { locks } = (globalThis as { navigator?: { locks?: Locks } }).navigator ?? {};

describe('what there is once for the whole process stays outside', () => {
  beforeAll(async () => {
    blue = await lab();
  });
  afterAll(() => blue.close());

  test('standard streams, first touched inside', async () => {
    const ended = await script(`
      lab.run(() => [process.stdin.isTTY, process.stdout.isTTY, process.stderr.isTTY]);
      process.stdin.on('end', () => say(name(place())));
      process.stdin.resume();
    `);
    expect(ended.out).toEqual(['home']);
  });

  test('exit handlers, when process.exit is called inside', async () => {
    const ended = await script(`
      process.on('exit', code => say('exit', code, name(place())));
      lab.run(() => setTimeout(() => process.exit(3)));
    `);
    expect([ended.out, ended.code]).toEqual([['exit 3 home'], 3]);
  });

  test.runIf(locks !== undefined)('locks [from Node 24 on]', async () => {
    const hold = () =>
      (locks as Locks).request('x', async () => {
        await timers.setTimeout(5);
        return place();
      });
    const both = [blue.run(hold), hold(), blue.run(hold), hold()];
    const inside = blue.inode('net');
    expect(await Promise.all(both)).toEqual([inside, home, inside, home]);
  });
});

test('a handle that comes over the channel of a child started inside is inside', async () => {
  using where = await lab();
  const track = new Track();
  await where.run(async () => {
    const child = fork(new URL('../fixtures/send-server.mjs', import.meta.url));
    const exited = once(child, 'exit');
    const [, server] = (await once(child, 'message')) as [unknown, net.Server];
    track.at('message');
    server.on('connection', socket => {
      track.at('connection');
      socket.on('data', () => {
        track.at('data');
        socket.end();
      });
    });
    const client = net.connect(port(server), '127.0.0.1');
    client.end('x');
    client.resume();
    await once(client, 'close');
    server.close();
    child.kill();
    await exited;
  });
  track.expectAll(where.inode('net'), 3);
});

test('entering again and again from inside keeps no more open than once', async () => {
  using where = await lab();
  const before = openFds().length;
  await new Promise<void>(resolve => {
    let left = 200;
    const again = () => {
      if (--left > 0)
        withNamespaces({ net: `/proc/self/fd/${where.fd('net')}` }, ['net'], () =>
          setImmediate(again),
        );
      else resolve();
    };
    again();
  });
  await collected(() => openFds().length < before + 50);
  expect(openFds().length).toBeLessThan(before + 50);
});
