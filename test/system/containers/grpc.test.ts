// What listens in the place of an engine on its gRPC socket, and what is believed of it.
import { once } from 'node:events';
import { chownSync } from 'node:fs';
import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import { join } from 'node:path';
import { listContainers } from 'linux-namespaces';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { decode, messagesIn, numberIn, textIn, textsIn } from '../../../src/containers/protobuf.ts';
import { fdCount, rejectionOf, runScript, startTarget, type Target } from '../shared/support.ts';
import { hex, runcState, StateRoot } from './state-root.ts';
import { named } from './support.ts';

const path = 'run/containerd/containerd.sock';
let state: StateRoot;
let target: Target;
let server: Http2Server | undefined;
beforeEach(async () => {
  state = new StateRoot();
  target = await startTarget('--net');
  state.write('run/runc/web/state.json', runcState('web', target.pid));
  state.write('run/containerd/x', '');
});
afterEach(async () => {
  state[Symbol.dispose]();
  await target.kill();
  if (server?.listening) await new Promise(done => server?.close(done));
  server = undefined;
});

const socket = () => join(state.root, path);
const list = (timeout = 60_000) => listContainers({ root: state.root, grpc: true, timeout });

/** A message, with what gRPC has before it. */
function framed(message: Buffer, { flag = 0, length = message.length } = {}): Buffer {
  const head = Buffer.alloc(5);
  head[0] = flag;
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, message]);
}

const field = (number: number, bytes: Buffer | string) =>
  Buffer.concat([Buffer.from([number * 8 + 2, bytes.length]), Buffer.from(bytes)]);

function answerWith(stream: ServerHttp2Stream, bytes: Buffer, status = '0'): void {
  stream.respond({ ':status': 200 }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': status }));
  stream.end(bytes);
}

async function listen(answer: (stream: ServerHttp2Stream, method: string) => void): Promise<void> {
  server = createServer();
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {}); // it is cut off, which is what is looked for
    answer(stream, String(headers[':path']).split('/').at(-1) ?? '');
  });
  server.on('session', session => session.on('error', () => {}));
  server.listen(socket());
  await once(server, 'listening');
}

describe('an answer that is none', () => {
  test.each<[string, (stream: ServerHttp2Stream) => void, string]>([
    ['half a message', stream => answerWith(stream, framed(Buffer.from([10]))), 'EPROTO'],
    [
      'a length too long',
      stream => answerWith(stream, framed(field(1, 'x'), { length: 99 })),
      'EPROTO',
    ],
    [
      'what is compressed',
      stream => answerWith(stream, framed(field(1, 'x'), { flag: 1 })),
      'EPROTO',
    ],
    ['nothing', stream => answerWith(stream, Buffer.alloc(0)), 'EPROTO'],
    ['a status', stream => answerWith(stream, framed(Buffer.alloc(0)), '12'), 'EPROTO'],
    ['HTTP 500', stream => stream.respond({ ':status': 500 }, { endStream: true }), 'EPROTO'],
    ['the end', stream => stream.session?.destroy(), 'EPROTO'],
    ['silence', () => {}, 'ETIMEDOUT'],
    ['without an end', stream => pour(stream), 'EFBIG'],
  ])('%s: costs nothing else', async (_, answer, code) => {
    await listen(answer);
    const before = fdCount();
    const containers = await list(code === 'ETIMEDOUT' ? 300 : undefined);
    expect(named(containers, 'web')).toMatchObject({ state: 'running', pid: target.pid });
    expect(containers.problems.map(problem => `${problem.code} ${problem.target}`)).toEqual([
      `${code} ${socket()}`,
    ]);
    expect(containers.problems[0]?.message).not.toContain('undefined');
    await expect.poll(fdCount).toBeLessThanOrEqual(before);
  });
});

/** As fast as it is read. */
function pour(stream: ServerHttp2Stream): void {
  stream.respond({ ':status': 200 });
  const more = () => {
    while (!stream.destroyed && stream.write(Buffer.alloc(65_536)));
  };
  stream.on('drain', more);
  more();
}

test('no HTTP/2 at all', async () => {
  const { createServer: plain } = await import('node:net');
  const other = plain(connection => {
    connection.on('error', () => {}).resume();
    connection.end('HTTP/1.1 200 OK\r\n\r\n');
  }).listen(socket());
  await once(other, 'listening');
  try {
    const { problems } = await list();
    expect(problems.map(({ code, target: of }) => [code, of])).toEqual([['EPROTO', socket()]]);
  } finally {
    await new Promise(done => other.close(done));
  }
});

test('ids and namespaces that are paths are not taken', async () => {
  await listen((stream, method) => {
    expect(method).toBe('List');
    const names = ['..', 'a/b', 'good'].map(name => field(1, field(1, name)));
    const ids = ['../x', '', 'fine'].map(id => field(1, field(1, id)));
    const isNamespaces = server !== undefined && asked++ === 0;
    answerWith(stream, framed(Buffer.concat(isNamespaces ? names : ids)));
  });
  let asked = 0;
  const containers = await list();
  expect(containers.problems).toEqual([]);
  expect(containers.map(({ id }) => id).sort()).toEqual(['fine', 'web']);
  expect(asked).toBe(2);
});

test('a socket that a user owns is not asked', async () => {
  let asked = 0;
  await listen(() => asked++);
  chownSync(socket(), 1000, 1000);
  const { problems } = await list();
  expect(problems.map(({ code, target: of }) => `${code} ${of}`)).toEqual([`EPERM ${socket()}`]);
  expect(asked).toBe(0);
});

test('nor is any where nobody said so', async () => {
  let asked = 0;
  await listen(() => asked++);
  await listContainers({ root: state.root });
  await listContainers({ root: state.root, grpc: true, timeout: 0 });
  expect(asked).toBe(0);
  const wrong = listContainers({ root: state.root, grpc: 'yes' as never });
  expect((await rejectionOf(wrong)).message).toContain('options.grpc');
});

test('a user without the right to ask hears why', async () => {
  await listen(() => {});
  const script = `import { listContainers } from 'linux-namespaces';
    import { chmodSync } from 'node:fs';
    chmodSync(${JSON.stringify(state.root)}, 0o755);
    chmodSync(${JSON.stringify(socket())}, 0o700);
    process.setgid(1000); process.setuid(1000);
    const { problems } = await listContainers({ root: ${JSON.stringify(state.root)}, grpc: true });
    console.log(problems.filter(one => one.target.endsWith('.sock')).map(one => one.code).join());`;
  expect(runScript(script)).toBe('EACCES\n');
});

describe('protobuf', () => {
  test('as it is on the wire', () => {
    const pair = Buffer.concat([field(1, 'name'), field(2, 'value')]);
    const bytes = Buffer.concat([
      Buffer.from([8, 0xac, 0x02]), // 1: 300
      field(2, 'text'),
      field(3, pair),
      field(3, field(1, 'empty')),
      Buffer.from([0x21, 1, 2, 3, 4, 5, 6, 7, 8, 0x2d, 1, 2, 3, 4]), // 4 and 5, of 8 and 4 bytes
    ]);
    const message = decode(bytes);
    expect(numberIn(message, 1)).toBe(300);
    expect(textIn(message, 2)).toBe('text');
    expect(textIn(message, 1)).toBe(undefined);
    expect(numberIn(message, 2)).toBe(0);
    expect(textsIn(message, 3)).toEqual({ name: 'value', empty: '' });
    expect(messagesIn(message, 9)).toEqual([]);
    for (let length = 1; length < bytes.length; length++) {
      try {
        decode(bytes.subarray(0, length));
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
      }
    }
  });

  test('has not so many fields that they take long, in whatever they are', () => {
    const many = Buffer.alloc(400_000, Buffer.from([0x12, 0]));
    expect(decode(many).values.get(2)).toHaveLength(200_000);
    expect(() => decode(Buffer.alloc(2_000_000, Buffer.from([0x12, 0])))).toThrow('500000 fields');
    const one = Buffer.concat([Buffer.from([0x0a, 0x80, 0xb5, 0x18]), many]);
    expect(messagesIn(decode(Buffer.concat([one, one])), 1)).toHaveLength(2);
    expect(() => messagesIn(decode(Buffer.concat([one, one, one])), 1)).toThrow('500000 fields');
  });

  test.each([
    ['a length beyond the end', [0x0a, 5, 1]],
    ['a number without an end', [8, ...Array(11).fill(255)]],
    ['a length of 2^63', [0x0a, 255, 255, 255, 255, 255, 255, 255, 255, 127]],
    ['a group', [0x0b]],
    ['field 0', [0x00, 0x00]],
    ['a cut tag', [0x80]],
  ])('%s is no message', (_, bytes) => {
    expect(() => decode(Buffer.from(bytes))).toThrow(RangeError);
  });
});

test('ids of hex digits join what the runtime knows', async () => {
  const id = hex('a');
  state.write(`run/containerd/runc/k8s.io/${id}/state.json`, runcState(id, target.pid));
  let asked = 0;
  await listen(stream => {
    const one = Buffer.concat([
      field(1, id),
      field(2, Buffer.concat([field(1, 'a'), field(2, 'b')])),
    ]);
    const answer = asked++ === 0 ? field(1, field(1, 'other')) : field(1, one);
    answerWith(stream, framed(answer));
  });
  const containers = await list();
  const found = containers.find(container => container.id === id);
  expect(found).toMatchObject({ engine: 'containerd', pid: target.pid, labels: { a: 'b' } });
});
