/** Case: two copies of the library in one thread, in two `vm` contexts: code outside ran inside. */
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { type Ended, script } from '../shared/script.ts';
import { attack } from '../shared/support.ts';

const fixture = new URL('../fixtures/copies.mjs', import.meta.url).href;
const library = fileURLToPath(new URL('../../../lib/index.js', import.meta.url));

/** `A` is the library, with `lab`; `B` a copy of it in a `vm` context, with a lab `theirs`. */
function copies(source: string, globals = '', before = ''): Promise<Ended> {
  const prelude = `
    import http from 'node:http';
    import { once } from 'node:events';
    ${before}
    const { load, newContext } = await import(${JSON.stringify(fixture)});
    const all = { console, process, setTimeout, setImmediate, clearTimeout, clearImmediate, Buffer, URL,
      TextEncoder, TextDecoder, AbortController, queueMicrotask, structuredClone, performance, fetch };
    const B = await load(${JSON.stringify(library)}, newContext(${globals || 'all'}));
    const theirs = await B.createNamespaces(['net', 'uts'], { hostname: 'theirs', loopback: true });
    const where = () => place() === theirs.inode('net') ? 'theirs' : name(place());
    const attempt = fn => { try { return fn(); } catch (error) { return error.message.split(',')[0]; } };
  `;
  const flags = ['--experimental-vm-modules', '--no-warnings'];
  return script(prelude + source, { flags });
}

const nested = `
  const seen = new Set();
  const tick = setInterval(() => seen.add(where()), 1);
  await lab.run(async () => {
    say(attempt(() => theirs.run(() => say('ran'))));
    say(attempt(() => B.outside(() => say('ran'))));
    say(where());
    await sleep(10);
    say(where());
  });
  say(where());
  await theirs.run(async () => {
    say(attempt(() => lab.run(() => say('ran'))));
    await sleep(10);
    say(where());
  });
  await sleep(10);
  say(where());
  clearInterval(tick);
  say([...seen].join());
  process.exit();`;
const refused = 'another copy of linux-namespaces';
const right = [refused, refused, 'inside', 'inside', 'home', refused, 'theirs', 'home', 'home'];

describe('two copies of the library, in two vm contexts', () => {
  test('nested, the second is refused, whichever it is, and harms nobody', async () => {
    expect((await copies(nested)).out).toEqual(right);
  });

  test.each([
    ['a copy of process, as Jest has', `{ ...all, process: Object.create(process) }`, ''],
    [
      'frozen modules of Node',
      '',
      `import hooks from 'node:async_hooks'; import channels from 'node:diagnostics_channel';
       Object.freeze(hooks); Object.freeze(hooks.createHook); Object.freeze(channels);`,
    ],
  ])('the same with %s', async (_name, globals, before) => {
    expect((await copies(nested, globals, before)).out).toEqual(right);
  });

  test('side by side, in turn and at once, each is where it belongs, and so are its connections', async () => {
    const { out, err } = await copies(`
      const port = 20000 + process.pid % 20000;
      const serve = text => once(http.createServer((_, r) => r.end(text)).listen(port, '127.0.0.1'), 'listening');
      await serve('home'); await lab.run(serve, 'inside'); await theirs.run(serve, 'theirs');
      const url = 'http://127.0.0.1:' + port;
      const get = () => new Promise((ok, no) => http.get(url, async r => { let t = ''; for await (const c of r) t += c; ok(t); }).on('error', no));
      const ask = async () => [where(), await get(), where(), await (await fetch(url)).text(), where(),
        (await fs.promises.readFile('/proc/sys/kernel/hostname', 'utf8')).trim(), where()].join();
      for (let i = 0; i < 3; i++) {
        const answers = await Promise.all([ask(), lab.run(ask), theirs.run(ask), ask(), theirs.run(ask), lab.run(ask)]);
        say(...answers.map(a => a.replace(fs.readFileSync('/proc/sys/kernel/hostname', 'utf8').trim(), 'home')));
      }
      process.exit();`);
    const one = (at: string, host: string) => [at, at, at, at, at, host, at].join();
    const home = one('home', 'home');
    const inside = one('inside', 'lab');
    const theirs = one('theirs', 'theirs');
    const row = [home, inside, theirs, home, theirs, inside].join(' ');
    expect([err, out]).toEqual(['', [row, row, row]]);
  });

  test('what one has bound and the other calls ends the process: it has no right place', async () => {
    const ended = await copies(`
      const { AsyncResource } = await import('node:async_hooks');
      const bound = theirs.run(() => AsyncResource.bind(() => say('ran')));
      lab.run(bound);`);
    expect([ended.out, ended.signal]).toEqual([[], 'SIGABRT']);
    expect(ended.err).toContain(refused);
  });

  test('what a copy loads at its first use is of its own context, and of its classes', async () => {
    const { out, err } = await copies(`
      const error = await B.findContainer('no such').catch(error => error);
      say(error.code, error instanceof B.NamespaceError, error instanceof library.NamespaceError);
      const list = await theirs.run(() => B.listContainers({ timeout: 0 }));
      say(Array.isArray(list), list instanceof Array);
      process.exit();`);
    expect([err, out]).toEqual(['', ['ENOENT true false', 'true false']]);
  });

  test('a Worker has a thread of its own', async () => {
    const source = `
      const { createNamespaces } = await import(${JSON.stringify(pathToFileURL(library).href)});
      const { parentPort } = await import('node:worker_threads');
      const lab = await createNamespaces(['net']);
      lab.run(() => parentPort.postMessage('ran'));`;
    const { out } = await copies(`
      const { Worker } = await import('node:worker_threads');
      await lab.run(async () => {
        const worker = new Worker(new URL('data:text/javascript,' + encodeURIComponent(${JSON.stringify(source)})));
        const [word] = await once(worker, 'message');
        say(word);
      });
      process.exit();`);
    expect(out).toEqual(['ran']);
  });
});

test('attack: what a nested copy leaves behind', () => {
  expect(attack('two-copies')).toBe('won 0 of 5');
});
