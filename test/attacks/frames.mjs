// Frames of which somebody has changed some bytes, out of a real worker: frames.mjs [count] [seed].
// Won is what keeps a call from settling, resolves another's, takes much memory, keeps the loop, is
// uncaught or changes a prototype. Prints "won N of M", and ends with 0 only where it is none.
import v8 from 'node:v8';

const { openWorker } = await import(process.env.LINUX_NAMESPACES ?? '../../lib/index.js');
const count = Number(process.argv[2] ?? 2000);
let state = Number(process.argv[3] ?? 1);
const random = below => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * below);
};
const pick = list => list[random(list.length)];

const kinds = { ready: 5, value: 6, done: 7, iterator: 8, error: 9 };
const head = 16;
const mine = 3; // the number of the second call of a worker; its start has one, too
const frame = (kind, id, body) => {
  const bytes = Buffer.alloc(head + body.length);
  bytes.writeUInt32LE(kind, 0);
  bytes.writeUInt32LE(body.length, 4);
  bytes.writeDoubleLE(id, 8);
  Buffer.from(body).copy(bytes, head);
  return bytes;
};

const circle = { name: 'Error', message: 'm', stack: 's', fields: { code: 'E' } };
circle.cause = circle;
const values = [
  1,
  'text',
  [1, [2, [3]]],
  { a: 1, b: { c: [true, null, undefined] } },
  new Map([[1, new Set(['x'])]]),
  [5n ** 90n, new Date(5), /x/g, new Error('e', { cause: 1 }), Object('boxed')],
  new Uint8Array(40).buffer,
  Array(50),
  JSON.parse('{"__proto__":{"polluted":1},"constructor":1,"then":2}'),
  circle,
  { ...circle, name: '__proto__', exception: true },
  { ...circle, errors: [circle, { value: 1 }] },
];
const bodies = [
  ...values.map(value => v8.serialize(value)),
  ...['', '1', '"x"', 'null', '{}', '[1]', '{'].map(text => Buffer.from(text)),
  Buffer.from('\xff\x0fa\xff\xff\xff\x0f@\0\xff\xff\xff\x0f', 'latin1'),
  Buffer.from(
    '\xff\x0fA\x02a\xff\xff\xff\x0f@\0\xff\xff\xff\x0fa\xff\xff\xff\x0f@\0\xff\xff\xff\x0f$\0\x02',
    'latin1',
  ),
];
/** Numbers that matter: lengths, tags, ends of a number. */
const bytesOfNote = [0, 1, 2, 15, 16, 127, 128, 255, ...Buffer.from('oAa;\'"cI^\\rRB~{$@:,Z')];

function make() {
  const id = pick([2, mine, mine, mine, mine, 1, 0, -1, 4, 77, NaN, 2 ** 53, 2.5]);
  const kind = pick([...Object.values(kinds), kinds.value, kinds.value, kinds.error, random(20)]);
  const bytes = frame(kind, id, pick(bodies));
  const changes = random(5);
  for (let i = 0; i < changes; i++) {
    const from = random(4) === 0 ? 0 : Math.min(head, bytes.length - 1);
    bytes[from + random(bytes.length - from)] = random(2) ? pick(bytesOfNote) : random(256);
  }
  const cut = random(8) === 0 ? bytes.subarray(0, random(bytes.length)) : bytes;
  return random(6) === 0 ? Buffer.concat([cut, frame(kinds.value, mine, Buffer.from('1'))]) : cut;
}

let won = 0;
const win = (i, bytes, what) => {
  won++;
  console.error(`${i}: ${what}: ${bytes.toString('hex').slice(0, 400)}`);
};
let current = [0, Buffer.alloc(0)];
process.on('uncaughtException', error => win(...current, `uncaught ${error}`));
process.on('unhandledRejection', error => win(...current, `unhandled ${error}`));

let last = performance.now();
let longest = 0;
setInterval(() => {
  longest = Math.max(longest, performance.now() - last);
  last = performance.now();
}, 10);

const names = Reflect.ownKeys(Object.prototype).length + Reflect.ownKeys(Array.prototype).length;
for (let i = 0; i < count; i++) {
  const bytes = make();
  current = [i, bytes];
  const controller = new AbortController();
  const { signal } = controller;
  const worker = await openWorker({ unshare: ['uts'] }, 'all', { signal, maxResultBytes: 1 << 20 });
  const rss = process.memoryUsage().rss;
  longest = 0;
  // The first waits for itself; the second is what is played with; the third writes.
  const fates = [
    worker.evaluate(() => new Promise(done => setTimeout(done, 30, 'first'))),
    worker.evaluate(() => new Promise(() => {})),
    worker.evaluate(given => {
      const { writeSync } = process.getBuiltinModule('node:fs');
      for (let at = 0; at < given.length; ) at += writeSync(3, given, at);
      return 'written';
    }, bytes),
  ].map(call =>
    call.then(
      value => ({ value }),
      error => ({ error }),
    ),
  );
  void Promise.all([fates[0], fates[2]]).then(() => worker.close()); // settles the second
  const abort = setTimeout(() => controller.abort(), 1000); // where half a frame has taken their answers
  let late;
  const settled = await Promise.race([
    Promise.all(fates),
    new Promise(done => {
      late = setTimeout(done, 10_000);
    }),
  ]);
  clearTimeout(late);
  clearTimeout(abort);
  if (settled === undefined) win(i, bytes, 'not settled');
  else {
    const [first, , third] = settled;
    const forged = bytes.length >= head && bytes.readDoubleLE(8) === 2;
    if ('value' in first && first.value !== 'first' && !forged)
      win(i, bytes, 'the first got another');
    if ('value' in third && third.value !== 'written') {
      // Its number is 4: only a frame that says so may have answered in its place.
      if (bytes.length < head || bytes.readDoubleLE(8) !== 4)
        win(i, bytes, 'the third got another');
    }
  }
  await worker.close();
  if (process.memoryUsage().rss - rss > 100e6) win(i, bytes, 'much memory');
  if (longest > 3000) win(i, bytes, `the loop stood still for ${longest} ms`);
  const now = Reflect.ownKeys(Object.prototype).length + Reflect.ownKeys(Array.prototype).length;
  if (now !== names || {}.polluted !== undefined) win(i, bytes, 'a prototype is another');
}
console.log(`won ${won} of ${count}`);
process.exit(won === 0 ? 0 : 1);
