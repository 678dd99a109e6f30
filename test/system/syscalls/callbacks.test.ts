/** Raw calls, and callbacks: outside of them, in one, and where one cannot be. */
import { AsyncResource } from 'node:async_hooks';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readlink } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import os from 'node:os';
import { setImmediate as turn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { createNamespaces, currentNamespaces, outside } from 'linux-namespaces';
import * as sys from 'linux-namespaces/syscalls';
import { describe, expect, test } from 'vitest';
import {
  collectGarbage,
  errorOf,
  gate,
  inodeOf,
  place,
  placeOf,
  places,
  runScript,
  startTarget,
  threads,
  types,
} from '../shared/support.ts';
import { coming, ours, threadTypes, watchThread } from './fixtures/thread.ts';

watchThread();

describe('after a raw call outside of every callback', () => {
  test('the thread is there, alone', async () => {
    const home = placeOf('self', 'net');
    const others = threads().filter(id => Number(id) !== process.pid);
    using lab = await createNamespaces(threadTypes);
    coming(() => {
      for (const type of threadTypes) sys.setns(lab.fd(type), type);
      for (const type of threadTypes) expect(inodeOf(place(type))).toBe(lab.inode(type));
      for (const id of others) expect(placeOf(`self/task/${id}`, 'net')).toBe(home);
      expect(others.length).toBeGreaterThan(3);
    });
  });

  test('unshare: a new one', () => {
    const here = places();
    coming(() => {
      sys.unshare(threadTypes);
      const there = places();
      for (const type of types) {
        const isNew = (threadTypes as readonly string[]).includes(type);
        expect(there[type] !== here[type]).toBe(isNew);
      }
    });
    coming(() => {
      sys.unshare('uts');
      expect(place('uts')).not.toBe(here.uts);
      expect(place('net')).toBe(here.net);
    });
    expect(places()).toEqual(here);
  });

  /** Enters a network by `line`, with work for the thread pool behind it; how many threads are there. */
  const threadsAfter = (line: string) =>
    runScript(`
      import { readdirSync, readlinkSync } from 'node:fs';
      import { readFile } from 'node:fs/promises';
      import { openNamespace, setns, unshare } from 'linux-namespaces/syscalls';
      const before = readlinkSync('/proc/thread-self/ns/net');
      ${line}
      await Promise.all(Array.from({ length: 20 }, () => readFile('/proc/self/status')));
      const away = readdirSync('/proc/self/task').filter(
        id => readlinkSync('/proc/self/task/' + id + '/ns/net') !== before,
      );
      console.log(away.length, away[0] === String(process.pid));
    `);

  test('the thread pool was made before, outside', () => {
    expect(threadsAfter("unshare('net');")).toBe('1 true\n');
  });

  test('the thread pool was made before setns as well', async () => {
    await using target = await startTarget('--net');
    const line = `setns(openNamespace('/proc/${target.pid}/ns/net'), 'net');`;
    expect(threadsAfter(line)).toBe('1 true\n');
  });

  test('callbacks come back there, not to where the program began', async () => {
    const seen = runScript(`
      import { readlinkSync } from 'node:fs';
      import { createNamespaces, outside } from 'linux-namespaces';
      import { unshare } from 'linux-namespaces/syscalls';
      const at = () => readlinkSync('/proc/thread-self/ns/net');
      const lab = await createNamespaces(['net']);
      unshare('net');
      const home = at();
      const inside = lab.run(() => [at(), outside(at)]);
      console.log(inside[0] === 'net:[' + lab.inode('net') + ']', inside[1] === home, at() === home);
    `);
    expect(seen).toBe('true true true\n');
  });

  test('while callbacks are alive, it is outside for all the others', async () => {
    using lab = await createNamespaces(['net', 'uts']);
    using next = await createNamespaces(['net']);
    const inside = `net:[${lab.inode('net')}]`;
    const there = `net:[${next.inode('net')}]`;
    const first = place('net');
    const { passed, open: pass } = gate();
    const running = lab.run(async () => {
      const seen = [place('net')];
      for (let i = 0; i < 5; i++) {
        await turn();
        seen.push(place('net'));
      }
      await passed;
      seen.push(
        place('net'),
        outside(() => place('net')),
        place('net'),
      );
      return seen;
    });
    const back = ours('net');
    sys.setns(next.fd('net'), 'net');
    try {
      for (let i = 0; i < 5; i++) {
        expect(place('net')).toBe(there);
        await turn();
      }
      expect(lab.run(() => place('net'))).toBe(inside);
      expect(place('net')).toBe(there);
      expect(await new Promise(done => setTimeout(() => done(place('net')), 1))).toBe(there);
      pass();
      const seen = await running;
      expect(seen).toEqual([...Array(7).fill(inside), there, inside]);
      expect(place('net')).toBe(there);
    } finally {
      sys.setns(back, 'net');
    }
    expect(place('net')).toBe(first);
    await turn();
    expect(place('net')).toBe(first);
  });

  test('a callback stays where it was in the types that it did not enter', async () => {
    using lab = await createNamespaces(['net']);
    using other = await createNamespaces(['uts'], { hostname: 'other' });
    const { passed, open: pass } = gate();
    const name = os.hostname();
    const running = lab.run(async () => {
      await passed;
      return os.hostname();
    });
    const back = ours('uts');
    sys.setns(other.fd('uts'), 'uts');
    sys.setns(other.fd('uts'), 'uts');
    const later = lab.run(() => os.hostname());
    pass();
    const seen = await running;
    const here = os.hostname();
    sys.setns(back, 'uts');
    expect([seen, later, here]).toEqual([name, 'other', 'other']);
    expect(os.hostname()).toBe(name);
  });
});

describe('after a raw call in a callback', () => {
  test('the rest of it is there, and the caller is not', async () => {
    using lab = await createNamespaces(['net', 'uts'], { hostname: 'lab' });
    using next = await createNamespaces(['net']);
    const home = places();
    const seen = lab.run(() => {
      sys.setns(next.fd('net'), 'net');
      return [place('net'), os.hostname(), currentNamespaces()?.inode('net')];
    });
    expect(seen).toEqual([`net:[${next.inode('net')}]`, 'lab', next.inode('net')]);
    expect(places()).toEqual(home);
    currentNamespaces()?.close();
  });

  test('what it started before stays, what it starts afterwards is there too', async () => {
    using lab = await createNamespaces(['net']);
    using next = await createNamespaces(['net']);
    const inside = `net:[${lab.inode('net')}]`;
    const there = `net:[${next.inode('net')}]`;
    const home = place('net');
    const at = () => place('net');
    const child = () => spawnSync('readlink', ['/proc/self/ns/net'], { encoding: 'utf8' });
    const ways: Record<string, () => Promise<string>> = {
      promise: () => Promise.resolve().then(at),
      timer: () => new Promise(done => setTimeout(() => done(at()), 1)),
      immediate: () => new Promise(done => setImmediate(() => done(at()))),
      tick: () => new Promise(done => process.nextTick(() => done(at()))),
      microtask: () => new Promise(done => queueMicrotask(() => done(at()))),
      file: () => readlink('/proc/self/status').catch(() => at()),
      await: async () => {
        await turn();
        await null;
        return at();
      },
      child: async () => {
        await turn();
        return child().stdout.trim();
      },
    };
    const start = () => Object.entries(ways).map(async ([name, way]) => [name, await way()]);
    const [early, late, own] = await lab.run(async () => {
      await turn();
      const early = start();
      sys.setns(next.fd('net'), 'net');
      const late = start();
      const own = [at()];
      await turn();
      own.push(at());
      await Promise.all([...early, ...late]);
      own.push(at(), outside(at), at());
      return [await Promise.all(early), await Promise.all(late), own] as const;
    });
    const all = (where: string) => Object.fromEntries(Object.keys(ways).map(name => [name, where]));
    expect(Object.fromEntries(early)).toEqual(all(inside));
    expect(Object.fromEntries(late)).toEqual(all(there));
    expect(own).toEqual([there, there, there, home, there]);
    expect(place('net')).toBe(home);
  });

  test('an unshare: a server made there serves there, when the callback is long over', async () => {
    using lab = await createNamespaces(['net']);
    const home = place('net');
    const { server, where, handle } = lab.run(() => {
      sys.unshare('net');
      const server = createServer(socket => {
        socket.on('data', () => socket.end(place('net')));
      });
      // No interface is up there: a path would do anywhere, an abstract one is the network's.
      server.listen('\0linux-namespaces-test');
      return { server, where: place('net'), handle: currentNamespaces() };
    });
    await once(server, 'listening');
    await collectGarbage();
    expect(place('net')).toBe(home);
    expect(where).not.toBe(home);
    expect(where).not.toBe(`net:[${lab.inode('net')}]`);
    const ask = async () => {
      const socket = connect('\0linux-namespaces-test');
      socket.write('?');
      const [answer] = await once(socket, 'data');
      await once(socket, 'close');
      return String(answer);
    };
    expect(await handle?.run(ask)).toBe(where);
    await expect(ask()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await expect(lab.run(ask)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(await handle?.run(ask)).toBe(where);
    handle?.close();
    server.close();
    await once(server, 'close');
    expect(place('net')).toBe(home);
  });

  test('scopes entered from the other side come back to it', async () => {
    using lab = await createNamespaces(['net']);
    using next = await createNamespaces(['net']);
    const inside = `net:[${lab.inode('net')}]`;
    const there = `net:[${next.inode('net')}]`;
    const home = place('net');
    const at = () => place('net');
    const free = new AsyncResource('free');
    const seen = await lab.run(async () => {
      const before = new AsyncResource('before');
      await turn();
      sys.setns(next.fd('net'), 'net');
      const after = new AsyncResource('after');
      return {
        before: [before.runInAsyncScope(at), at()],
        free: [free.runInAsyncScope(at), at()],
        outside: outside(() => [at(), after.runInAsyncScope(at), before.runInAsyncScope(at), at()]),
        nested: lab.run(() => [at(), after.runInAsyncScope(at), at()]),
        here: at(),
        after,
      };
    });
    expect(seen).toMatchObject({
      before: [inside, there],
      free: [home, there],
      outside: [home, there, inside, home],
      nested: [inside, there, inside],
      here: there,
    });
    expect([at(), seen.after.runInAsyncScope(at), at()]).toEqual([home, there, home]);
  });

  test('a raw call in a scope of another place ends with that scope', async () => {
    using lab = await createNamespaces(['net']);
    using next = await createNamespaces(['net']);
    const inside = `net:[${lab.inode('net')}]`;
    const there = `net:[${next.inode('net')}]`;
    const home = place('net');
    const resource = lab.run(() => new AsyncResource('inside'));
    const seen = resource.runInAsyncScope(() => {
      sys.setns(next.fd('net'), 'net');
      return place('net');
    });
    expect([seen, place('net')]).toEqual([there, home]);
    expect(resource.runInAsyncScope(() => place('net'))).toBe(inside);
    expect(
      errorOf(() =>
        lab.run(() => {
          sys.setns(next.fd('net'), 'net');
          throw new Error('in the middle');
        }),
      ).message,
    ).toBe('in the middle');
    expect(place('net')).toBe(home);
  });

  test('a raw call that fails leaves everything as it was', async () => {
    using lab = await createNamespaces(['net', 'uts']);
    const seen = await lab.run(async () => {
      const context = currentNamespaces();
      expect(errorOf(() => sys.setns(lab.fd('uts'), 'net'))).toMatchObject({ code: 'EINVAL' });
      expect(errorOf(() => sys.unshare(['net', 'user']))).toMatchObject({ code: 'EINVAL' });
      const same = currentNamespaces() === context;
      await turn();
      context?.close();
      return [same, place('net'), place('uts')];
    });
    expect(seen).toEqual([true, `net:[${lab.inode('net')}]`, `uts:[${lab.inode('uts')}]`]);
  });
});

test('where the context cannot be told, the thread is where it was', () => {
  const seen = runScript(
    `
    import { closeSync, openSync, readlinkSync } from 'node:fs';
    import { createNamespaces } from 'linux-namespaces';
    import { setns } from 'linux-namespaces/syscalls';
    const at = () => readlinkSync('/proc/thread-self/ns/net');
    const lab = await createNamespaces(['net']);
    const next = await createNamespaces(['net']);
    const home = at();
    const attempt = free => {
      const taken = [];
      try { for (;;) taken.push(openSync('/dev/null')); } catch {}
      for (let i = 0; i < free; i++) closeSync(taken.pop());
      let seen = 'done';
      try { setns(next.fd('net'), 'net'); } catch (error) { seen = error.code; }
      for (const fd of taken) closeSync(fd);
      return seen;
    };
    const inside = [];
    const timer = lab.run(() => setInterval(() => inside.push(at()), 1));
    lab.run(() => {
      const here = at();
      console.log(attempt(0), attempt(1), at() === here);
      console.log(attempt(9), at() === 'net:[' + next.inode('net') + ']');
    });
    console.log(at() === home);
    console.log(attempt(0), attempt(1), at() === home);
    console.log(attempt(9), at() === 'net:[' + next.inode('net') + ']');
    while (inside.length < 3) await new Promise(setImmediate);
    clearInterval(timer);
    console.log([...new Set(inside)].join() === 'net:[' + lab.inode('net') + ']');
    `,
    ['sh', '-c', 'ulimit -n 100; exec "$@"', 'sh'],
  );
  expect(seen).toBe(
    ['EMFILE EMFILE true', 'done true', 'true', 'EMFILE EMFILE true', 'done true', 'true\n'].join(
      '\n',
    ),
  );
});

test('a raw call that would leave no way back is refused while a callback is alive', () => {
  const seen = runScript(
    `
    import { readlinkSync } from 'node:fs';
    import { createNamespaces } from 'linux-namespaces';
    import { unshare } from 'linux-namespaces/syscalls';
    const at = () => readlinkSync('/proc/thread-self/ns/uts');
    const home = at();
    const attempt = () => { try { unshare('uts'); return 'done'; } catch (error) { return error.code; } };
    const lab = await createNamespaces(['net']);
    const timer = lab.run(() => setInterval(() => {}, 1));
    console.log(lab.run(attempt), attempt(), at() === home);
    await new Promise(done => setTimeout(done, 5));
    clearInterval(timer);
    `,
    // Its network is its own, and its hostname is not.
    ['unshare', '--user', '--map-root-user', '--net'],
  );
  expect(seen).toBe('EPERM EPERM true\n');
  const free = runScript(
    `
    import { createNamespaces } from 'linux-namespaces';
    import { unshare } from 'linux-namespaces/syscalls';
    unshare('uts');
    const lab = await createNamespaces(['net', 'uts']);
    console.log(lab.run(() => 'inside'));
    `,
    ['unshare', '--user', '--map-root-user', '--net'],
  );
  expect(free).toBe('inside\n');
});

test('many raw calls while a callback is alive: no fd is left, no place is wrong', async () => {
  const seen = runScript(
    `
    import { readdirSync, readlinkSync } from 'node:fs';
    import { createNamespaces } from 'linux-namespaces';
    import { setns } from 'linux-namespaces/syscalls';
    const at = () => readlinkSync('/proc/thread-self/ns/net');
    const fds = () => readdirSync('/proc/self/fd').length;
    const labs = await Promise.all([1, 2, 3].map(() => createNamespaces(['net'])));
    const names = labs.map(lab => 'net:[' + lab.inode('net') + ']');
    console.log('warm');
    const collect = async () => { for (let i = 0; i < 5; i++) { gc(); await new Promise(setImmediate); } };
    const without = fds();
    let timer = labs[0].run(() => setInterval(() => { if (at() !== names[0]) console.log('wrong'); }, 1));
    const before = fds();
    for (let i = 0; i < 300; i++) {
      const to = i % 3;
      setns(labs[to].fd('net'), 'net');
      if (at() !== names[to]) console.log('wrong outside');
      await labs[1].run(async () => {
        setns(labs[2].fd('net'), 'net');
        if (i % 2) await new Promise(setImmediate);
        if (at() !== names[2]) console.log('wrong inside');
      });
      if (at() !== names[to]) console.log('wrong afterwards');
      if (i % 10 === 9) await new Promise(setImmediate);
    }
    await collect();
    // Where home is now, besides where the program began.
    console.log(fds() - before - 1);
    clearInterval(timer);
    timer = undefined;
    for (let i = 0; i < 20 && fds() > without; i++) await collect();
    console.log(fds() - without);
    `,
    ['env', 'NODE_OPTIONS=--expose-gc'],
  );
  expect(seen).toBe('warm\n0\n0\n');
});

test('what a callback started after a raw call is kept in place by nothing else', () => {
  const seen = runScript(
    `
    import { readlinkSync } from 'node:fs';
    import { createNamespaces } from 'linux-namespaces';
    import { unshare } from 'linux-namespaces/syscalls';
    const at = () => readlinkSync('/proc/thread-self/ns/net');
    const lab = await createNamespaces(['net']);
    const home = at();
    const seen = [];
    let where;
    const timer = lab.run(() => {
      unshare('net');
      where = at();
      return setInterval(() => seen.push(at()), 1);
    });
    for (let i = 0; i < 20; i++) { gc(); await new Promise(setImmediate); }
    seen.length = 0;
    while (seen.length < 10) await new Promise(setImmediate);
    clearInterval(timer);
    console.log(where !== home, seen.every(place => place === where), at() === home);
    `,
    ['env', 'NODE_OPTIONS=--expose-gc'],
  );
  expect(seen).toBe('true true true\n');
});

test('in a Worker it is the Worker that moves', async () => {
  using lab = await createNamespaces(['net']);
  const home = place('net');
  const worker = new Worker(
    `
    const { parentPort, workerData } = require('node:worker_threads');
    const { readlinkSync } = require('node:fs');
    (async () => {
      const { createNamespaces, outside } = await import('linux-namespaces');
      const { setns } = await import('linux-namespaces/syscalls');
      const at = () => readlinkSync('/proc/thread-self/ns/net');
      const seen = [at()];
      setns(workerData, 'net');
      seen.push(at());
      const own = await createNamespaces(['net']);
      seen.push(own.run(at) === 'net:[' + own.inode('net') + ']', at(), own.run(() => outside(at)));
      own.close();
      await null;
      seen.push(at());
      parentPort.postMessage(seen);
    })();
    `,
    { eval: true, workerData: lab.fd('net') },
  );
  // Both may come in one turn.
  const [[seen]] = await Promise.all([once(worker, 'message'), once(worker, 'exit')]);
  const there = `net:[${lab.inode('net')}]`;
  expect(seen).toEqual([home, there, true, there, there, there]);
  expect(place('net')).toBe(home);
});

describe('what a callback cannot enter', () => {
  test('pid: the children are in it, until the thread goes back', async () => {
    const seen = runScript(`
      import { spawnSync } from 'node:child_process';
      import { readlinkSync } from 'node:fs';
      import { openNamespace, setns, unshare } from 'linux-namespaces/syscalls';
      const child = () => spawnSync('readlink', ['/proc/thread-self/ns/pid'], { encoding: 'utf8' }).stdout.trim();
      const pid = () => spawnSync('sh', ['-c', 'echo $$'], { encoding: 'utf8' }).stdout.trim();
      const home = openNamespace('/proc/self/ns/pid');
      const before = readlinkSync('/proc/thread-self/ns/pid');
      unshare('pid');
      console.log(pid(), readlinkSync('/proc/thread-self/ns/pid') === before);
      setns(home, 'pid');
      console.log(pid() !== '1', child() === before);
    `);
    expect(seen).toBe('1 true\ntrue true\n');
  });

  test('mnt and time: by unshare, and mnt then by setns', async () => {
    await using target = await startTarget('--mount', '--uts');
    const seen = runScript(`
      import { readlinkSync } from 'node:fs';
      import { readlink } from 'node:fs/promises';
      import { openNamespace, setns, unshare } from 'linux-namespaces/syscalls';
      const at = (type, task = 'thread-self') => readlinkSync('/proc/' + task + '/ns/' + type);
      const mnt = at('mnt');
      const theirs = openNamespace('/proc/${target.pid}/ns/mnt');
      unshare(['mnt', 'time']);
      console.log(at('mnt') !== mnt, at('time') !== at('time_for_children'));
      setns(theirs, 'mnt');
      console.log(at('mnt') === '${placeOf(target.pid, 'mnt')}');
      // The pool is where it was.
      console.log((await readlink('/proc/thread-self/ns/mnt')) === mnt);
    `);
    expect(seen).toBe('true true\ntrue\ntrue\n');
  });
});
