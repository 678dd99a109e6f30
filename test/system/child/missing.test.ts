// A program that is there and cannot be executed for want of another: not the same as no such program.
import { spawnSync as nodeSpawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type SpawnOptions, spawn, spawnSync } from 'linux-namespaces';
import { beforeAll, describe, expect, test } from 'vitest';
import { folder, makeImage, startTarget } from './fixtures/targets.ts';

const script = (text: string, mode = 0o755): string => {
  const file = join(folder, `script-${Math.random()}`);
  writeFileSync(file, text);
  chmodSync(file, mode);
  return file;
};

const interpreter = /first line names \(#!\)/;
const loader = /loader that it names/;

async function failureOf(file: string, options: SpawnOptions = {}) {
  const [error] = await once(spawn(file, ['x'], options), 'error');
  return error as Error & { code: string; advice?: string; path: string; spawnargs: string[] };
}

describe('the interpreter of a script', () => {
  test.each([
    ['is absent', '#!/no/such/interpreter\n'],
    ['has a carriage return at its end', '#!/bin/sh\r\necho\r\n'],
    ['is the interpreter of another that is absent', '#!'],
  ])('that %s', async (_, text) => {
    const file = script(text === '#!' ? `#!${script('#!/no/such\n')}\n` : text);
    for (const options of [{}, { unshare: ['pid'] }, { uid: 54321, gid: 54321 }] as const) {
      const error = await failureOf(file, options);
      expect(error).toMatchObject({ name: 'Error', code: 'ENOENT', path: file, spawnargs: ['x'] });
      expect(error.advice).toMatch(interpreter);
      expect(error.message).toBe(`spawn ${file} ENOENT; ${error.advice}`);
    }
    const { error } = spawnSync(file, ['x'], { unshare: ['net'] });
    expect(error).toMatchObject({ code: 'ENOENT', advice: expect.stringMatching(interpreter) });
  });

  test('that is found in PATH, behind what is none', async () => {
    const file = script('#!/no/such\n');
    const name = file.slice(folder.length + 1);
    const env = { PATH: `/nowhere:${folder}:/bin` };
    expect((await failureOf(name, { env })).advice).toMatch(interpreter);
  });

  test('that may be executed and not read', async () => {
    const file = script('#!/no/such\n', 0o711);
    const error = await failureOf(file, { uid: 54321, gid: 54321 });
    expect(error).toMatchObject({
      code: 'ENOENT',
      advice: expect.stringMatching(/interpreter or its loader/),
    });
  });
});

describe('in an image', () => {
  const image = makeImage();
  beforeAll(() => {
    mkdirSync(join(image, 'app'));
    copyFileSync('/bin/sleep', join(image, 'app/dynamic')); // and there is no C library
    writeFileSync(join(image, 'app/script'), '#!/usr/bin/python3\n', { mode: 0o755 });
  });

  test.each([
    ['/app/dynamic', loader],
    ['/app/script', interpreter],
  ])('%s', async (file, advice) => {
    const target = await startTarget(['mnt', 'pid', 'net'], { root: image });
    for (const options of [{}, { unshare: ['pid'] }, { namespaces: ['mnt'] }] as SpawnOptions[]) {
      const error = await failureOf(file, { target: target.pid, ...options });
      expect(error).toMatchObject({ code: 'ENOENT', advice: expect.stringMatching(advice) });
    }
    const cli = new URL('../../../lib/cli.cjs', import.meta.url).pathname;
    const line = [cli, 'enter', '-t', String(target.pid), '-m', '-r', '--', file];
    const { status, stderr } = nodeSpawnSync(process.execPath, line, { encoding: 'utf8' });
    expect({ status, stderr }).toEqual({
      status: 127,
      stderr: expect.stringMatching(new RegExp(`cannot execute ${file}: .*${advice.source}`)),
    });
  });
});

test('no such program is just that, as Node says it', async () => {
  for (const options of [{}, { unshare: ['pid'] }] as const) {
    const error = await failureOf('/no/such/program', options);
    expect(error.message).toBe('spawn /no/such/program ENOENT');
    expect(error).not.toHaveProperty('advice');
  }
});
