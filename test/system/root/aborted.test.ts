/** A `signal` that is aborted at any moment, also where no call is under way that it could end. */
import { getEventListeners } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, type Readable, type Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ContainerRoot, openRoot } from 'linux-namespaces';
import { expect, test } from 'vitest';
import { fdCount, rejectionOf, until } from '../shared/support.ts';
import { makeFolder, makeImage, startContainer } from './fixtures/containers.ts';

async function filled(): Promise<{ root: ContainerRoot; image: string }> {
  const image = makeImage();
  mkdirSync(join(image, 'tmp/tree'));
  for (let i = 0; i < 20; i++) writeFileSync(join(image, `tmp/tree/${i}`), 'x'.repeat(100_000));
  const { pid } = await startContainer('chroot', image);
  const root = openRoot(pid);
  await root.readFile('/etc/hosts');
  return { root, image };
}

const aborted = { name: 'AbortError', code: 'ABORT_ERR' };
const never = () => new Promise<never>(() => {});

/** At once, as the stream opens its file, and when that is open. */
const moments: readonly ((abort: AbortController) => Promise<void>)[] = [
  async abort => abort.abort(),
  abort => new Promise(done => process.nextTick(process.nextTick, () => done(abort.abort()))),
  abort => new Promise(done => setImmediate(() => done(abort.abort()))),
  abort => sleep(30).then(() => abort.abort()),
];

/** Its errors, once it is closed. */
async function errorsOf(stream: Readable | Writable): Promise<Error[]> {
  const errors: Error[] = [];
  stream.on('error', error => errors.push(error));
  await new Promise(done => stream.once('close', done));
  return errors;
}

test('a stream of a file or an archive ends by it, read and written to or not', async () => {
  const { root } = await filled();
  using _ = root;
  const before = fdCount();
  const make: Record<string, (signal: AbortSignal) => Readable | Writable> = {
    read: signal => root.createReadStream('/tmp/tree/1', { signal, highWaterMark: 10 }),
    write: signal => root.createWriteStream('/tmp/written', { signal }),
    archive: signal => root.archive('/tmp/tree', { signal }),
    'archive that is looked into': signal =>
      root.archive('/tmp/tree', { signal }).once('readable', function (this: Readable) {
        this.read(10);
      }),
  };
  for (const [name, stream] of Object.entries(make)) {
    for (const moment of moments) {
      for (let i = 0; i < 5; i++) {
        const abort = new AbortController();
        const errors = errorsOf(stream(abort.signal));
        await moment(abort);
        expect(await errors, name).toMatchObject([aborted]);
      }
    }
  }
  await until('all is closed', () => fdCount() === before);
});

test('one signal for many has one listener for them', async () => {
  const { root } = await filled();
  using _ = root;
  const { signal } = new AbortController();
  const streams = Array.from({ length: 20 }, () => root.archive('/etc', { signal }));
  expect(getEventListeners(signal, 'abort').length).toBe(1);
  await Promise.all(streams.map(stream => errorsOf(stream.resume())));
  expect(getEventListeners(signal, 'abort').length).toBe(0);
});

test('what waits for a stream that gives nothing ends by it, and the stream', async () => {
  const { root } = await filled();
  using _ = root;
  const before = fdCount();
  const calls: Record<string, (source: Readable, signal: AbortSignal) => Promise<void>> = {
    extract: (source, signal) => root.extract(source, '/tmp', { signal }),
    writeFile: (source, signal) => root.writeFile('/tmp/a', source, { signal }),
    atomic: (source, signal) => root.writeFile('/tmp/b', source, { signal, atomic: true }),
    appendFile: (source, signal) => root.appendFile('/tmp/c', source, { signal }),
  };
  for (const [name, call] of Object.entries(calls)) {
    for (const moment of moments) {
      const abort = new AbortController();
      const source = new PassThrough();
      const error = rejectionOf(call(source, abort.signal));
      await moment(abort);
      expect(await error, name).toMatchObject(aborted);
      // Nobody has begun to read it where the file was not opened.
      if (moment === moments.at(-1)) expect(source.destroyed, name).toBe(true);
    }
  }
  await until('all is closed', () => fdCount() === before);
});

test('what was written until then is there; atomically, nothing', async () => {
  const { root, image } = await filled();
  using _ = root;
  const abort = new AbortController();
  const parts = async function* () {
    yield 'first';
    setTimeout(() => abort.abort(), 50);
    await never();
  };
  const { signal } = abort;
  const calls = [
    root.writeFile('/tmp/plain', parts(), { signal }),
    root.writeFile('/tmp/whole', parts(), { signal, atomic: true }),
  ];
  expect(await Promise.all(calls.map(rejectionOf))).toMatchObject([aborted, aborted]);
  expect(readFileSync(join(image, 'tmp/plain'), 'utf8')).toBe('first');
  await until(
    'nothing else is left',
    () => readdirSync(join(image, 'tmp')).sort().join() === 'plain,tree',
  );
});

test('a filter that never answers is not waited for, asked for the source or for what is in it', async () => {
  const { root } = await filled();
  using _ = root;
  for (const asked of [1, 2]) {
    let calls = 0;
    const copy = join(makeFolder(), 'copy');
    const filter = () => ++calls < asked || never();
    const signal = AbortSignal.timeout(50);
    expect(await rejectionOf(root.copyOut('/tmp/tree', copy, { filter, signal }))).toMatchObject(
      aborted,
    );
    expect([calls, existsSync(copy)]).toEqual([asked, asked > 1]);
  }
  const abort = new AbortController();
  const filter = () => {
    abort.abort();
    return Promise.reject(new Error('late'));
  };
  const { signal } = abort;
  const copying = root.copyOut('/tmp', join(makeFolder(), 'copy'), { filter, signal });
  expect(await rejectionOf(copying)).toMatchObject(aborted);
});

test('what filter, progress and a source throw comes as it is, undefined included', async () => {
  const { root } = await filled();
  using _ = root;
  const throwing = () => {
    throw undefined;
  };
  let calls = 0;
  const to = () => join(makeFolder(), 'copy');
  const given = await Promise.allSettled([
    root.copyOut('/tmp/tree', to(), { filter: () => (calls++ === 0 ? true : throwing()) }),
    root.copyOut('/tmp/tree', to(), { progress: throwing }),
    root.extract({ [Symbol.iterator]: throwing }, '/tmp'),
    root.writeFile('/tmp/x', { [Symbol.iterator]: throwing }),
  ]);
  expect(given).toEqual(Array(4).fill({ status: 'rejected', reason: undefined }));
});
