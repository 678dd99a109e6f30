import { AsyncLocalStorage } from 'node:async_hooks';
import dgram from 'node:dgram';
import dns, { type LookupAllOptions } from 'node:dns';
import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import net, { type LookupFunction } from 'node:net';
import tls from 'node:tls';
import { type Namespaces, outside } from 'linux-namespaces';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { certificate, home, lab, place } from '../shared/lab.ts';
import { script } from '../shared/script.ts';

// The same address and port on both sides: an answer tells who gave it.
const port = 20_000 + (process.pid % 20_000);
const host = '127.0.0.1';
const name = 'service.example';
let blue: Namespaces;
let red: Namespaces;
let tlsKeys: { key: string; cert: string };
const ends: (() => void)[] = [];

beforeAll(async () => {
  tlsKeys = certificate();
  [blue, red] = [await lab('blue'), await lab('red')];
});
afterAll(() => {
  blue.close();
  red.close();
});
beforeEach(async () => {
  for (const [where, run] of sides) await run(() => serve(where));
});
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

type Side = 'home' | 'blue' | 'red';
const sides: [Side, <R>(fn: () => R) => R][] = [
  ['home', fn => outside(fn)],
  ['blue', fn => blue.run(fn)],
  ['red', fn => red.run(fn)],
];
const at = (side: Side): number => (side === 'home' ? home : { blue, red }[side].inode('net'));

async function serve(where: string): Promise<void> {
  const server = net.createServer(socket => socket.on('error', () => {}).end(where));
  const plain = http.createServer((_request, response) => response.end(where));
  const secure = https.createServer(tlsKeys, (_request, response) => response.end(where));
  const udp = dgram.createSocket('udp4');
  udp.on('message', (_text, from) => udp.send(where, from.port, from.address));
  udp.bind(port, host);
  await once(udp, 'listening');
  for (const [i, one] of [server, plain, secure].entries()) {
    one.listen(port + i, host);
    await once(one, 'listening');
    ends.push(() => one.close());
  }
  ends.push(() => udp.close());
}

type Callback = (error: Error | null, ...rest: unknown[]) => void;

/** Gives the answer to all that ask for a name at the same time, in the stack of whoever says so. */
function sharedLookup(): { lookup: LookupFunction; answer: () => void; waiting: Callback[] } {
  const waiting: Callback[] = [];
  const lookup = (_host: string, given: LookupAllOptions | Callback, done: Callback) => {
    const [options, callback] = typeof given === 'function' ? [{}, given] : [given, done];
    waiting.push(
      options.all
        ? error => callback(error, [{ address: host, family: 4 }])
        : error => callback(error, host, 4),
    );
  };
  const answer = () => {
    for (const callback of waiting.splice(0)) callback(null);
  };
  return { lookup: lookup as LookupFunction, answer, waiting };
}

const text = async (socket: net.Socket): Promise<string> => {
  let all = '';
  for await (const chunk of socket) all += chunk;
  return all;
};
const get = (client: typeof http | typeof https, options: https.RequestOptions) =>
  new Promise<string>((resolve, reject) => {
    client
      .get({ host: name, rejectUnauthorized: false, ...options }, async response => {
        let all = '';
        for await (const chunk of response) all += chunk;
        resolve(all);
      })
      .on('error', reject);
  });

/** Each gives what answered, and takes the lookup to be used; some have none but that of `dns`. */
const ways: Record<string, (lookup: LookupFunction | undefined) => Promise<string>> = {
  'net.connect': lookup => text(net.connect({ port, host: name, lookup })),
  'net.connect, one family': lookup => text(net.connect({ port, host: name, family: 4, lookup })),
  'net.connect without happy eyeballs': lookup =>
    text(net.connect({ port, host: name, autoSelectFamily: false, lookup })),
  'socket.connect': lookup => text(new net.Socket().connect({ port, host: name, lookup })),
  'tls.connect': lookup =>
    new Promise((resolve, reject) => {
      const options = { port: port + 2, host: name, rejectUnauthorized: false, lookup };
      const socket = tls.connect(options, () =>
        socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'),
      );
      text(socket).then(all => resolve(all.split('\r\n').at(-1) || all), reject);
    }),
  'http.get': lookup => get(http, { port: port + 1, lookup, agent: false }),
  'http.get, global agent': lookup => get(http, { port: port + 1, lookup }),
  'https.get': lookup => get(https, { port: port + 2, lookup, agent: false }),
  'http.get, lookup of the agent': lookup => {
    const agent = new http.Agent({ lookup } as http.AgentOptions);
    return get(http, { port: port + 1, agent });
  },
  'dgram send': lookup => ask(dgram.createSocket({ type: 'udp4', lookup: lookup as never })),
  'dgram connect': lookup => {
    const socket = dgram.createSocket({ type: 'udp4', lookup: lookup as never });
    return ask(socket, () => socket.connect(port, name, () => socket.send('?')));
  },
  'dgram bind': lookup => {
    const socket = dgram.createSocket({ type: 'udp4', lookup: lookup as never });
    socket.bind(0, name);
    return ask(socket);
  },
  'new dgram.Socket': lookup => {
    const Socket = dgram.Socket as unknown as new (options: dgram.SocketOptions) => dgram.Socket;
    return ask(new Socket({ type: 'udp4', lookup: lookup as never }));
  },
};

async function ask(
  socket: dgram.Socket,
  send = () => socket.send('?', port, name),
): Promise<string> {
  send();
  const [message] = await once(socket, 'message');
  socket.close();
  return String(message);
}

async function eachFlushesForAll(
  way: (lookup: LookupFunction | undefined) => Promise<string>,
  shared: ReturnType<typeof sharedLookup>,
  lookup: LookupFunction | undefined,
): Promise<void> {
  for (const [flusher, run] of sides) {
    const asked = sides.map(async ([side, run]) => [
      side,
      await run(() => way(lookup)),
      await run(async () => place()),
    ]);
    // A socket may ask twice: for where it binds, and for where it sends.
    let done = false;
    const all = Promise.all(asked).finally(() => {
      done = true;
    });
    while (!done) {
      await run(() => {
        shared.answer();
      });
      await new Promise(resolve => setImmediate(resolve));
    }
    expect([flusher, await all]).toEqual([flusher, sides.map(([side]) => [side, side, at(side)])]);
  }
}

describe('a lookup that answers for several at once, in the stack of any of them', () => {
  test.each(Object.keys(ways))('as an option of %s', async which => {
    const shared = sharedLookup();
    await eachFlushesForAll(ways[which] as (typeof ways)[string], shared, shared.lookup);
  });

  test.each(Object.keys(ways))('in the place of dns.lookup, for %s', async which => {
    const own = dns.lookup;
    const shared = sharedLookup();
    dns.lookup = shared.lookup as typeof dns.lookup;
    try {
      await eachFlushesForAll(ways[which] as (typeof ways)[string], shared, undefined);
      expect(dns.lookup).toBe(shared.lookup);
    } finally {
      dns.lookup = own;
    }
  });

  test('a server that listens by name is where it was told to', async () => {
    const own = dns.lookup;
    const shared = sharedLookup();
    dns.lookup = shared.lookup as typeof dns.lookup;
    try {
      for (const [, flush] of sides) {
        const servers = sides.map(([, run]) =>
          run(() => net.createServer().listen(port + 9, name)),
        );
        const listening = Promise.all(servers.map(server => once(server, 'listening')));
        flush(shared.answer);
        await listening; // one address and port: three networks, or EADDRINUSE
        for (const server of servers) server.close();
        await Promise.all(servers.map(server => once(server, 'close')));
      }
    } finally {
      dns.lookup = own;
    }
  });

  test('the options of the caller, and its own context, are as they were', async () => {
    const shared = sharedLookup();
    const options = Object.freeze(
      Object.create(
        { host: name, family: 4 },
        { port: { value: port }, lookup: { value: shared.lookup } },
      ),
    );
    const storage = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    const answer = blue.run(() =>
      storage.run('mine', () => {
        const socket = net.connect(options);
        socket.on('lookup', (...found) => seen.push(place(), ...found));
        return text(socket);
      }),
    );
    shared.answer();
    expect(await answer).toBe('blue');
    expect(seen).toEqual([at('blue'), null, host, 4, name]);
  });

  test('errors come back too', async () => {
    const shared = sharedLookup();
    const failed = blue.run(
      () =>
        new Promise(resolve => {
          net
            .connect({ port, host: name, lookup: shared.lookup })
            .on('error', error => resolve([error.message, place()]));
        }),
    );
    for (const callback of shared.waiting) callback(new Error('no such name'));
    expect(await failed).toEqual(['no such name', at('blue')]);
  });
});

describe("an agent's connections", () => {
  /** Gives sockets in the stack of whoever says so, as a pool does. */
  const later = () => {
    const waiting: (() => void)[] = [];
    const createConnection = (
      options: net.NetConnectOpts,
      done: (e: null, s: net.Socket) => void,
    ) => {
      const socket = net.connect({ ...options, host } as net.NetConnectOpts);
      waiting.push(() => done(null, socket));
    };
    return { createConnection: createConnection as never, waiting };
  };

  test.each(['option', 'agent'] as const)(
    'createConnection that calls back later: %s',
    async how => {
      for (const [, flush] of sides) {
        const pool = later();
        const agent = new http.Agent();
        if (how === 'agent') agent.createConnection = pool.createConnection;
        const options = how === 'agent' ? { agent } : { createConnection: pool.createConnection };
        const asked = sides.map(async ([side, run]) => {
          const answer = run(async () => {
            const request = http.get({ host: name, port: port + 1, ...options });
            const given = new Promise(resolve => request.on('socket', () => resolve(place())));
            const [response] = await once(request, 'response');
            let where = 0;
            response.on('data', () => {
              where = place();
            });
            await once(response, 'end');
            return [where, await given];
          });
          return [side, await answer];
        });
        flush(() => {
          for (const give of pool.waiting.splice(0)) give();
        });
        expect(await Promise.all(asked)).toEqual(
          sides.map(([side]) => [side, [at(side), at(side)]]),
        );
      }
    },
  );

  test('a request that has waited for another is connected where it was made', async () => {
    const agent = new http.Agent({ maxSockets: 1, maxTotalSockets: 1 });
    const asked = [...sides, ...sides].map(async ([side, run]) => [
      side,
      await run(() => get(http, { host, port: port + 1, agent, headers: { connection: 'close' } })),
    ]);
    expect(await Promise.all(asked)).toEqual([...sides, ...sides].map(([side]) => [side, side]));
  });
});

test('what a socket says of its end it says where it belongs, whoever ends it', async () => {
  const end = new AbortController();
  const seen = await Promise.all(
    sides.map(async ([side, run]) => {
      const where = run(async () => {
        const silent = net.createServer().listen(0, host);
        await once(silent, 'listening');
        ends.push(() => silent.close());
        const { port } = silent.address() as net.AddressInfo;
        const socket = net.connect({ port, host, signal: end.signal });
        const events = ['error', 'close'].map(
          event => new Promise(resolve => socket.on(event, () => resolve(place()))),
        );
        await once(socket, 'connect');
        return { events, socket };
      });
      const { events } = await where;
      return { side, events };
    }),
  );
  blue.run(() => end.abort());
  for (const { side, events } of seen) {
    expect([side, await Promise.all(events)]).toEqual([side, [at(side), at(side)]]);
  }
});

test('what connects anew does so on its own side, though a clock that all share has ended it', async () => {
  const sockets: net.Socket[] = [];
  // As undici has one: started outside, it ends what has waited too long, of every side.
  const clock = () => {
    for (const socket of sockets.splice(0)) socket.destroy(new Error('too slow'));
  };
  const answers = sides.map(([, run]) =>
    run(
      () =>
        new Promise<string>((resolve, reject) => {
          const first = net.connect({ port, host: name, lookup: () => {} });
          sockets.push(first);
          first.on('error', () => text(net.connect(port, host)).then(resolve, reject));
        }),
    ),
  );
  setTimeout(clock, 1);
  expect(await Promise.all(answers)).toEqual(['home', 'blue', 'red']);
});

test('of the callbacks of TLS, too', async () => {
  const waiting: (() => void)[] = [];
  const context = tls.createSecureContext(tlsKeys);
  const places = sides.map(([side, run]) =>
    run(async () => {
      const server = tls.createServer({
        SNICallback: (_name, done) => void waiting.push(() => done(null, context)),
      });
      server.listen(port + 5, host);
      await once(server, 'listening');
      ends.push(() => server.close());
      const accepted = new Promise(resolve =>
        server.on('secureConnection', socket => {
          socket.end();
          resolve(place());
        }),
      );
      const options = {
        host,
        port: port + 5,
        servername: name,
        ca: tlsKeys.cert,
        checkServerIdentity: () => void checked.push([side, place()]),
      };
      const socket = tls.connect(options as tls.ConnectionOptions);
      await once(socket, 'secureConnect');
      return [side, await accepted, place()];
    }),
  );
  const checked: unknown[] = [];
  let done = false;
  const all = Promise.all(places).finally(() => {
    done = true;
  });
  while (!done) {
    if (waiting.length === 3) {
      blue.run(() => {
        for (const answer of waiting.splice(0)) answer();
      });
    }
    await new Promise(resolve => setImmediate(resolve));
  }
  expect(await all).toEqual(sides.map(([side]) => [side, at(side), at(side)]));
  expect(checked.sort()).toEqual(sides.map(([side]) => [side, at(side)]).sort());
});

test('telemetry in the place of dns.lookup sees no question of ours', async () => {
  const ended = await script(`
    const { default: dns } = await import('node:dns');
    const seen = [];
    const own = dns.lookup, ownPromises = dns.promises.lookup;
    dns.lookup = (...args) => (seen.push(args[0]), own(...args));
    dns.promises.lookup = (...args) => (seen.push(args[0]), ownPromises(...args));
    await lab.run(async () => {
      await new Promise(done => dns.lookup('localhost', done));
      await new Promise(done => dns.lookup('localhost', { all: true, family: 4, order: 'verbatim' }, done));
      await dns.promises.lookup('localhost', { family: 6, hints: dns.V4MAPPED });
      await dns.promises.lookup('localhost');
    });
    say(JSON.stringify(seen));
  `);
  expect(ended.err).toBe('');
  expect(ended.out).toEqual(['[]']);
});
