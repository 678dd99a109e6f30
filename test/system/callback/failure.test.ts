import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { script } from '../shared/script.ts';

// The kernel is made to refuse the nth setns(2) and all after it.
// The first callback of a process finds out, type by type, that there is a way back.
const tried = 4;
const refuse = (nth: number) => ({
  under:
    `strace -f -qq -o /dev/null -e trace=setns -e inject=setns:error=EPERM:when=${tried + nth}+`.split(
      ' ',
    ),
});
const once = (nth: number) => ({
  under:
    `strace -f -qq -o /dev/null -e trace=setns -e inject=setns:error=EPERM:when=${tried + nth}`.split(
      ' ',
    ),
});

const hasStrace = (() => {
  try {
    execFileSync('strace', ['-V'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

// Each run sets the uts namespace first and then the net namespace: two calls in, two calls home.
test.runIf(hasStrace)(
  'a call that cannot go in throws and changes nothing [needs strace]',
  async () => {
    const source = `
    try { lab.run(() => say('ran')); } catch (error) { say(error.code, error.type, error.syscall); }
    say(name(place()), (await import('node:os')).hostname() === 'lab');
    await sleep(1);
    say(name(place()));`;
    const first = await script(source, once(1));
    expect(first.out).toEqual(['EPERM uts setns', 'home false', 'home']);
    const second = await script(source, once(2));
    expect(second.out).toEqual(['EPERM net setns', 'home false', 'home']);
    expect([first.code, second.code]).toEqual([0, 0]);
  },
);

test.runIf(hasStrace)(
  'a call that can go neither in nor back ends the process [needs strace]',
  async () => {
    const ended = await script(
      `try { lab.run(() => say('ran')); } catch { say('caught'); } say('went on');`,
      refuse(2),
    );
    expect(ended.out).toEqual([]);
    expect(ended.err).toMatch(/uts: setns EPERM.*on the way back outside.*This process ends here/);
    expect(ended.signal ?? ended.code).toBe('SIGABRT');
  },
);

test.runIf(hasStrace)(
  'a failed switch back ends the process, and nothing runs after it [needs strace]',
  async () => {
    const ended = await script(
      `process.on('exit', () => say('exit handler'));
     process.on('uncaughtException', () => say('uncaught'));
     setImmediate(() => say('immediate'));
     process.nextTick(() => say('tick'));
     try { lab.run(() => say(name(place()))); } catch { say('caught'); } finally { say('finally'); }
     say('went on');`,
      refuse(3),
    );
    expect(ended.out).toEqual(['inside']);
    expect(ended.err).toMatch(/^linux-namespaces: uts: setns EPERM.*on the way back outside/);
    expect(ended.signal ?? ended.code).toBe('SIGABRT');
  },
);

test.runIf(hasStrace).each([
  ['on the way into a callback', 5, ['begun']],
  ['on the way back outside', 7, ['begun', 'inside']],
] as const)(
  'a failed switch in a hook, %s, ends the process [needs strace]',
  async (way, nth, said) => {
    const ended = await script(
      `process.on('uncaughtException', () => say('uncaught'));
     lab.run(() => setTimeout(() => say(name(place())), 5));
     setTimeout(() => say('a later piece of work'), 30);
     say('begun');`,
      refuse(nth),
    );
    expect(ended.out).toEqual(said);
    expect(ended.err).toContain(`uts: setns EPERM, operation not permitted, ${way}`);
    expect(ended.signal ?? ended.code).toBe('SIGABRT');
  },
);

test('an uncaught exception inside leaves the thread where it belongs', async () => {
  const ended = await script(`
    const wrong = [];
    const check = (where, label) => { if (name(place()) !== where) wrong.push(label); };
    let caught = 0;
    process.on('uncaughtException', () => { caught++; setImmediate(() => {}); });
    process.on('unhandledRejection', () => { caught++; });
    const { EventEmitter } = await import('node:events');
    const { AsyncResource } = await import('node:async_hooks');
    const fail = () => { check('inside', 'failing'); throw new Error('uncaught'); };
    lab.run(() => {
      setTimeout(fail, 1);
      setImmediate(fail);
      process.nextTick(fail);
      queueMicrotask(fail);
      Promise.resolve().then(fail);
      (async () => { await null; fail(); })();
      setTimeout(() => { outside(() => { throw new Error('outside'); }); }, 2);
      setTimeout(() => { lab.run(fail); }, 3);
      setTimeout(AsyncResource.bind(fail), 4);
      new Promise(resolve => setTimeout(resolve, 5)).then(() => { check('inside', 'a promise after'); });
      setTimeout(() => check('inside', 'a timer after'), 6);
      import('node:fs').then(({ readFile }) => readFile('/proc/self/stat', fail));
    });
    const resource = lab.run(() => new AsyncResource('x'));
    setTimeout(() => resource.runInAsyncScope(fail), 7);
    for (let i = 0; i < 30; i++) { await sleep(1); check('home', 'sleep ' + i); }
    setImmediate(() => check('home', 'immediate'));
    await new Promise(resolve => process.nextTick(resolve));
    check('home', 'tick');
    say(caught, JSON.stringify(wrong));`);
  expect(ended.out).toEqual(['11 []']);
});

test('without a listener an uncaught exception inside ends the process as Node does', async () => {
  const ended = await script(
    `process.on('exit', code => say('exit', code)); lab.run(() => setTimeout(() => { throw new Error('mine'); }));`,
  );
  expect(ended.out).toEqual(['exit 1']);
  expect(ended.err).toMatch(/Error: mine/);
  expect(ended.code).toBe(1);
});

test('a second copy of the library is refused, in words, and harms nobody', async () => {
  const root = fileURLToPath(new URL('../../..', import.meta.url));
  const copy = mkdtempSync(join(tmpdir(), 'linux-namespaces-'));
  try {
    cpSync(join(root, 'lib'), join(copy, 'lib'), { recursive: true });
    cpSync(join(root, 'package.json'), join(copy, 'package.json'));
    for (const name of ['build', 'prebuilds', 'node_modules']) {
      symlinkSync(join(root, name), join(copy, name));
    }
    const ended = await script(`
      const other = await import(${JSON.stringify(join(copy, 'lib/index.js'))});
      const theirs = await other.createNamespaces(['net']);
      lab.run(() => setTimeout(() => {
        try { theirs.run(() => say('ran')); } catch (error) { say(error.message.split(',')[0]); }
        say(name(place()));
      }));
      await sleep(20);
      say(name(place()));`);
    expect(ended.out).toEqual(['another copy of linux-namespaces', 'inside', 'home']);
  } finally {
    rmSync(copy, { recursive: true });
  }
});

const permission = process.allowedNodeEnvironmentFlags.has('--permission')
  ? '--permission'
  : '--experimental-permission';

test.each([
  ['--frozen-intrinsics', ['--frozen-intrinsics']],
  ['--permission', [permission, '--allow-fs-read=*', '--allow-fs-write=*', '--allow-addons']],
])('under %s a callback is refused by name, each time, and nothing is run', async (name, flags) => {
  const ended = await script(
    `for (let i = 0; i < 2; i++) {
      try { lab.run(() => say('ran')); } catch (error) { say(error.name, error.code, error.message); }
    }
    say(name(place()));
    process.exit();`,
    { flags: ['--no-warnings', ...flags] },
  );
  const [first, second, at] = ended.out;
  expect(first).toMatch(/^NamespaceError ENOTSUP cgroup, ipc, uts, net: .*evaluate\(\)/);
  expect(first).toContain(name);
  expect([second, at]).toEqual([first, 'home']);
});

test('a function of Node that a program has frozen is named', async () => {
  const ended = await script(`
    Object.freeze(process.getBuiltinModule('node:inspector').Session.prototype);
    try { lab.run(() => say('ran')); } catch (error) { say(error.message); }`);
  expect(ended.out.join()).toMatch(/has to replace post of Node .* frozen/);
});

test.runIf(hasStrace).each(['ENOSYS', 'EPERM'])(
  'where pidfd_open answers %s, processes are opened through /proc [needs strace]',
  async error => {
    const inject = `-e trace=pidfd_open -e inject=pidfd_open:error=${error}`;
    const ended = await script(
      `const { openNamespaces } = library;
       const me = openNamespaces(process.pid, ['net', 'uts']);
       say(me.inode('net') === home, name(lab.run(place)), name(place()));
       try { openNamespaces(4194000, ['net']); } catch (error) { say(error.code, error.syscall); }`,
      { under: ['strace', '-f', '-qq', '-o', '/dev/null', ...inject.split(' ')] },
    );
    expect(ended.out).toEqual(['true inside home', 'ESRCH open']);
  },
);

/** Fills the stack with calls of `call`; frames of many sizes, so that it ends at each place in there. */
const full = (call: string, at: string, sizes: string) => `
  const { AsyncResource } = await import('node:async_hooks');
  const fill = (call, size) => {
    const more = new Function('call', 'return function more() { call(); return more(' + '0,'.repeat(size) + '0); }');
    try { more(call)(); } catch (error) { if (!(error instanceof RangeError)) throw error; }
  };
  const alive = lab.run(() => setInterval(() => {}, 1000));
  const call = ${call};
  const wrong = [];
  for (const size of ${sizes}) ${at}(() => { fill(call, size); if (name(place()) !== '${at === 'lab.run' ? 'inside' : 'home'}') wrong.push(size); });
  say(wrong.length, name(place()));
  process.exit();`;
const small = { flags: ['--stack-size=200'] };

test.each([
  ['outside()', '() => outside(() => 0)', 'lab.run'],
  ['run()', '() => lab.run(() => 0)', 'lab.run'],
  ['run(), outside', '() => lab.run(() => 0)', 'outside'],
])('the stack is full at %s: the place is right', async (_, call, at) => {
  const ended = await script(full(call, at, 'Array(100).keys()'), small);
  expect(ended).toMatchObject({ out: [`0 home`], code: 0 });
});

test('the stack is full where Node enters a scope: the place is right, or the process ends', async () => {
  const bound = 'lab.run(() => AsyncResource.bind(() => 0))';
  for (const size of [0, 1, 2, 3, 4, 5]) {
    const { out, err } = await script(full(bound, 'outside', `[${size}]`), small);
    if (out.length === 0)
      expect(err).toMatch(/the stack overflowed.*This process ends here|async/i);
    else expect(out).toEqual(['0 home']);
  }
});
