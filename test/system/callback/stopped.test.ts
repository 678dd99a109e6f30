// Code that is stopped in the middle: V8 runs no `finally` of it, and whoever had it run goes on.

import { setTimeout as sleep } from 'node:timers/promises';
import vm from 'node:vm';
import { type Namespaces, outside, withNamespaces } from 'linux-namespaces';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { collected, home, lab, openFds, place } from '../shared/lab.ts';
import { script } from '../shared/script.ts';

let blue: Namespaces;
let inside: number;
beforeAll(async () => {
  blue = await lab();
  inside = blue.inode('net') as number;
  blue.run(() => {}); // from then on Node's functions are replaced
});
afterAll(() => blue.close());

/** Has `enter` run what never ends, until a script's timeout does, and says whether it had begun. */
function stop(enter: (fn: () => void) => void): boolean {
  let begun = false;
  const endless = () => {
    begun = true;
    for (;;);
  };
  const script = new vm.Script('enter(endless)');
  const call = () => script.runInNewContext({ enter, endless }, { timeout: 50 });
  expect(call).toThrow(expect.objectContaining({ code: 'ERR_SCRIPT_EXECUTION_TIMEOUT' }));
  return begun;
}

/** However loaded the machine is. */
const stopBegun = (enter: (fn: () => void) => void) => {
  while (!stop(enter));
};

test.each<[string, (fn: () => void) => void]>([
  ['run', fn => blue.run(fn)],
  ['run, asynchronous', fn => void blue.run(async () => fn())],
  ['run in run', fn => blue.run(() => blue.run(fn))],
  ['outside() in run', fn => blue.run(() => outside(fn))],
  ['withNamespaces', fn => withNamespaces(process.pid, ['net'], () => blue.run(fn))],
])('%s in a script that reaches its timeout', async (_name, enter) => {
  stopBegun(enter);
  const after = place();
  expect([after, await sleep(1).then(place), place()]).toEqual([home, home, home]);
});

test('inside, where the script left that', async () => {
  const places = await blue.run(async () => {
    stopBegun(fn => outside(fn));
    const after = place();
    return [after, await sleep(1).then(place)];
  });
  expect(places).toEqual([inside, inside]);
  expect(place()).toBe(home);
});

test('a script that ends in time, or throws, changes nothing', () => {
  const run = (source: string) =>
    vm.runInNewContext(source, { blue, place }, { timeout: 60_000 }) as unknown;
  expect(run('blue.run(place)')).toBe(inside);
  expect(() => run('blue.run(() => { throw new RangeError("mine"); })')).toThrow('mine');
  expect(place()).toBe(home);
});

test('nothing stays open', async () => {
  await collected(() => false, 5); // what is left of other tests
  const before = openFds();
  for (let i = 0; i < 3; i++) stopBegun(fn => withNamespaces(process.pid, ['net'], fn));
  await collected(() => openFds().length <= before.length);
  expect(openFds()).toEqual(before);
});

const endless = `
  globalThis.go = () => lab.run(() => { say('ready'); for (;;); });
  lab.run(() => {});`;

test('by a Ctrl-C, as at the prompt of node', async () => {
  const ended = await script(
    `${endless}
     const vm = await import('node:vm');
     try {
       vm.runInThisContext('go()', { breakOnSigint: true });
     } catch (error) {
       say(error.code, name(place()));
     }
     say(await sleep(1, name(place())));`,
    { heard: (line, child) => void (line === 'ready' && child.kill('SIGINT')) },
  );
  expect(ended.out).toEqual(['ready', 'ERR_SCRIPT_EXECUTION_INTERRUPTED home', 'home']);
});

test('a module', async () => {
  const ended = await script(
    `${endless}
     const vm = await import('node:vm');
     const module = new vm.SourceTextModule('go()');
     await module.link(() => {});
     const done = module.evaluate({ timeout: 2000 });
     say(name(place()));
     await done.catch(error => say(error.code, name(place())));`,
    { flags: ['--experimental-vm-modules'] },
  );
  expect(ended.out).toEqual(['ready', 'home', 'ERR_SCRIPT_EXECUTION_TIMEOUT home']);
});

test('by the inspector', async () => {
  const ended = await script(
    `${endless}
     const { Session } = await import('node:inspector');
     const session = new Session();
     session.connect();
     const done = error => say(error.code, name(place()));
     session.post('Runtime.evaluate', { expression: 'go()', timeout: 2000 }, done);
     say(name(place()));`,
  );
  expect(ended.out).toEqual(['ready', 'ERR_INSPECTOR_COMMAND home', 'home']);
});

test('a first callback that is stopped while it is prepared is said to be, by the next', async () => {
  const ended = await script(
    `const vm = await import('node:vm');
     const { binding } = process;
     process.binding = () => { for (;;); };
     try {
       vm.runInNewContext('run()', { run: () => lab.run(() => {}) }, { timeout: 500 });
     } catch (error) {
       say(error.code, name(place()));
     }
     process.binding = binding;
     try {
       lab.run(() => say('ran'));
     } catch (error) {
       say(error.code, /stopped in the middle/.test(error.message), name(place()));
     }`,
  );
  expect(ended.out).toEqual(['ERR_SCRIPT_EXECUTION_TIMEOUT home', 'ERR_INVALID_STATE true home']);
});
