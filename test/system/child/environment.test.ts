// The environment of a target, byte for byte: what is no UTF-8, names that are there twice, and a process
// that has written over its own.
import { execFileSync, spawn as nodeSpawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type SpawnOptions, spawn } from 'linux-namespaces';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { folder } from './fixtures/targets.ts';

/** Starts itself again with the variables that it reads (a line of hex each), and perhaps another title. */
const source = `
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
extern char** environ;
int main(int argc, char** argv) {
  if (strcmp(argv[1], "show") == 0) {
    for (char** pair = environ; *pair; pair++) {
      for (char* at = *pair; *at; at++) printf("%02x", (unsigned char)*at);
      printf("\\n");
    }
    return 0;
  }
  if (strcmp(argv[1], "begin") == 0) {
    static char* pairs[64];
    int count = 0;
    for (int i = 3; i < argc; i++) {
      char* pair = malloc(strlen(argv[i]) / 2 + 1);
      unsigned length = 0, byte;
      for (char* at = argv[i]; sscanf(at, "%2x", &byte) == 1; at += 2) pair[length++] = (char)byte;
      pair[length] = 0;
      pairs[count++] = pair;
    }
    char* line[] = {argv[0], "wait", argv[2], 0};
    execve(argv[0], line, pairs);
    return 1;
  }
  char title[256];
  strcpy(title, argv[2]);
  char* start = argv[0];
  char* end = start;
  for (int i = 0; i < argc; i++) end = argv[i] + strlen(argv[i]) + 1;
  for (int i = 0; environ[i]; i++) end = environ[i] + strlen(environ[i]) + 1;
  if (title[0]) {
    memset(start, 0, end - start);
    strncpy(start, title, end - start - 1);
  }
  write(1, "ready", 5);
  pause();
}
`;

const image = join(folder, 'environment');
const program = join(image, 'bin/show');

beforeAll(() => {
  const file = join(folder, 'environment.c');
  writeFileSync(file, source);
  execFileSync('cc', ['-static', '-O1', '-o', join(folder, 'show'), file]);
  for (const name of ['bin', 'proc', 'usr/bin']) mkdirSync(join(image, name), { recursive: true });
  copyFileSync(join(folder, 'show'), program);
  copyFileSync(join(folder, 'show'), join(image, 'usr/bin/elsewhere'));
});

const running: ReturnType<typeof nodeSpawn>[] = [];
afterAll(() => {
  for (const child of running) child.kill('SIGKILL');
});

/** In a mount namespace and a root of its own, with just these variables. */
async function start(pairs: readonly (string | Buffer)[], title = ''): Promise<number> {
  const hex = pairs.map(pair => Buffer.from(pair as string).toString('hex'));
  const line = ['-m', '-R', image, '/bin/show', 'begin', title, ...hex];
  const child = nodeSpawn('unshare', line, { stdio: ['ignore', 'pipe', 'inherit'] });
  running.push(child);
  await once(child.stdout as NonNullable<typeof child.stdout>, 'data');
  return child.pid as number;
}

async function shown(options: SpawnOptions, file = '/bin/show'): Promise<Buffer[]> {
  const child = spawn(file, ['show'], options);
  let text = '';
  child.stdout?.on('data', data => (text += data));
  await once(child, 'close');
  return text
    .trim()
    .split('\n')
    .filter(Boolean)
    .map(line => Buffer.from(line, 'hex'));
}

const bytes = (text: string) => Buffer.from(text, 'latin1');
const odd = [
  bytes('PATH=/usr/bin:/bin'),
  bytes('RAW=\xff\xfe=\x80x'),
  bytes('N\xe4me=latin1'),
  bytes('TWICE=first'),
  bytes('OTHER=1'),
  bytes('TWICE=second'),
  bytes('TWICE=second'),
  bytes('WITHOUT'),
  bytes('__proto__=x'),
  bytes('EMPTY='),
];

test.each([
  ['by default', undefined],
  ["with 'target'", 'target'],
  ["with ['target']", ['target']],
] as const)('what execve(2) would give, byte for byte, %s', async (_, env) => {
  const target = await start(odd);
  expect(await shown({ target, env } as SpawnOptions)).toEqual(odd);
});

test('later ones of a list win, and take all of a name', async () => {
  const target = await start(odd);
  const rest = odd.filter(pair => !/^(TWICE|OTHER)/.test(pair.toString('latin1')));
  const later = { TWICE: 'ours', MORE: 'é', OTHER: undefined };
  expect(await shown({ target, env: ['target', later] })).toEqual([
    ...rest,
    Buffer.from('TWICE=ours'),
    Buffer.from('MORE=é'),
  ]);
  expect(await shown({ target, env: [{ PATH: '/x', FIRST: '1' }, 'target'] })).toEqual([
    bytes('FIRST=1'),
    ...odd,
  ]);
});

test('what Node adds is there too', async () => {
  const target = await start(odd);
  const seen = await shown({ target, stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
  expect(seen.slice(0, odd.length)).toEqual(odd);
  expect(seen.slice(odd.length).map(String)).toContain('NODE_CHANNEL_FD=3');
});

describe('a process that has written its title over its environment', () => {
  const variables = ['PATH=/nowhere', 'HOME=/there', 'LANG=C'];
  const path = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

  test.each([
    ['nginx: master process /usr/sbin/nginx -g daemon off; and so on, over all of its arguments'],
    ['x'],
    ['postgres: writer process state=idle rep 10.0.0.1(3333) and so on and so on'],
  ])('%s: a PATH', async title => {
    const target = await start(variables, title);
    expect((await shown({ target })).map(String)).toEqual([path]);
    expect((await shown({ target, env: ['target', { A: 'b' }] })).map(String)).toEqual([
      path,
      'A=b',
    ]);
    expect((await shown({ target }, 'elsewhere')).map(String)).toEqual([path]);
  });

  test('a container: what its engine has written down', async () => {
    const pid = await start(
      variables,
      'nginx: master process and so on and so on and so on and so on',
    );
    const env = { PATH: '/bin', IMAGE: 'yes' };
    const container = { pid, engine: 'docker', id: 'x', env };
    expect((await shown({ target: container }, 'show')).map(String)).toEqual([
      'PATH=/bin',
      'IMAGE=yes',
    ]);
    // Only in its place, and only of a container.
    const whole = await start(variables);
    expect((await shown({ target: { ...container, pid: whole } })).map(String)).toEqual(variables);
    expect((await shown({ target: { pid, env } as never })).map(String)).toEqual([path]);
  });

  test('none at all is none, and not written over', async () => {
    const target = await start([]);
    expect(await shown({ target })).toEqual([]);
  });
});

test('a reader that gets no processor is not a target that does not answer', () => {
  const [, processor = '0'] =
    /Cpus_allowed_list:\s*(\d+)/.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  const script = fileURLToPath(new URL('fixtures/no-processor.mjs', import.meta.url));
  const line = ['-c', processor, process.execPath, script];
  const env = { ...process.env, NO_PROCESSOR: '1' };
  expect(execFileSync('taskset', line, { encoding: 'utf8', env })).toBe('true\ntrue\ntrue\n');
});
