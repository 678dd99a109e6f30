// `ps`: which containers it shows; and with -s, what they have written, where their engine says in which
// directory that is.
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { outcome } from '../child/fixtures/targets.ts';
import { hex, StateRoot } from '../containers/state-root.ts';

const main = join(import.meta.dirname, '../../../lib/cli.cjs');
let state: StateRoot;
const run = (line: string) =>
  outcome(spawn(process.execPath, [main, '--root', state.root, ...line.split(' ')]));

const layers = 'var/lib/docker/overlay2';
beforeAll(() => {
  state = new StateRoot();
  for (const [name, digit, driver] of [
    ['large', 'a', 'overlay2'],
    ['none', 'b', 'vfs'],
    ['small', 'c', 'overlay2'],
  ] as const) {
    const id = hex(digit);
    const config = { ID: id, Name: `/${name}`, State: { StartedAt: '2026-01-01T00:00:00Z' } };
    state.write(`var/lib/docker/containers/${id}/config.v2.json`, { ...config, Driver: driver });
    state.write(`var/lib/docker/image/overlay2/layerdb/mounts/${id}/mount-id`, `${digit}1`);
  }
  mkdirSync(join(state.root, layers, 'a1/diff/data'), { recursive: true });
  mkdirSync(join(state.root, layers, 'c1/diff'), { recursive: true });
  writeFileSync(join(state.root, layers, 'a1/diff/data/file'), Buffer.alloc(1_234_567));
});
afterAll(() => state[Symbol.dispose]());

test('a column, beside the others, and only where it is asked for', async () => {
  const { stdout, stderr, code } = await run('ps -as');
  expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
  const [head, ...rows] = stdout.trimEnd().split('\n');
  expect(head).toMatch(/^ENGINE +ID +NAME +STATE +PID STARTED +SIZE ADDRESS PORTS IMAGE COMMAND$/);
  const sizeIn = (row: string) => /\d\d:\d\d:\d\d(.*)$/.exec(row)?.[1]?.trim();
  expect(rows.map(sizeIn)).toEqual(['1.2 MB', '', '0 B']);
  expect((await run('ps -a')).stdout).not.toMatch(/SIZE|ROOTFS/);
});

test('chosen, with the directory of each', async () => {
  const { stdout } = await run('ps -an -o name,size,rootfs');
  expect(stdout.replaceAll(/ +/g, ' ').split('\n')).toEqual([
    `large 1.2 MB ${state.root}/${layers}/a1/merged`,
    'none',
    `small 0 B ${state.root}/${layers}/c1/merged`,
    '',
  ]);
});

test('as JSON in bytes, where it is known', async () => {
  const sizes = async (line: string) =>
    JSON.parse((await run(line)).stdout).map((row: { size?: number }) => row.size);
  expect(await sizes('ps -asJ')).toEqual([1_234_567, undefined, 0]);
  expect(await sizes('ps -aJ')).toEqual([undefined, undefined, undefined]);
});

test('of those without a process, the ones that may have one again are shown, as docker ps does', async () => {
  using others = new StateRoot();
  const states = {
    again: { Running: true, Restarting: true, Pid: 0 },
    gone: { Running: false, Dead: true },
    over: { Running: false, StartedAt: '2026-01-01T00:00:00Z' },
    some: { Running: true },
  };
  for (const [i, [name, State]] of Object.entries(states).entries()) {
    const id = hex(`${i}`);
    const config = { ID: id, Name: `/${name}`, State };
    others.write(`var/lib/docker/containers/${id}/config.v2.json`, config);
  }
  const ps = async (...words: string[]) => {
    const line = ['--root', others.root, 'ps', '-n', '-o', 'name', ...words];
    return (await outcome(spawn(process.execPath, [main, ...line]))).stdout.split(/\s+/).join(' ');
  };
  expect(await ps()).toBe('again some ');
  expect(await ps('-a')).toBe('again gone over some ');
  expect(await ps('--filter', 'status=restarting')).toBe('again ');
});
