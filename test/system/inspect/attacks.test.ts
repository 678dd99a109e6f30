// What others do to whoever looks: forged and endless answers, command lines of any size, reads that do
// not come back, and being short of descriptors oneself.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { listNamespaces, type ProcessNode, processTree } from 'linux-namespaces';
import { describe, expect, test } from 'vitest';
import { binding } from '../../../src/base/binding.ts';
import { looking, lookingLimits } from '../../../src/base/limits.ts';
import { firstMounts, mountsIn } from '../../../src/base/proc.ts';
import { noHeldExec, startHeldExec } from '../shared/held-exec.ts';
import { hasProgram, runScript, startTarget, threads, until } from '../shared/support.ts';
import { folder, hold, holder } from './fixtures/holder.ts';

const attacks = fileURLToPath(new URL('../../attacks/', import.meta.url));

/** The program of that name, run a few times: it says how often it won. */
function attack(name: string, runs: number): string {
  const { stdout, stderr } = spawnSync(process.execPath, [join(attacks, name), `${runs}`], {
    encoding: 'utf8',
    timeout: 120_000,
  });
  return `${stdout}${stderr}`.trim();
}

const find = (nodes: readonly ProcessNode[], pid: number): ProcessNode | undefined => {
  for (const node of nodes) {
    const found = node.pid === pid ? node : find(node.children, pid);
    if (found) return found;
  }
  return undefined;
};

test('answers that are not from the kernel', { timeout: 120_000 }, () => {
  expect(attack('spoof.mjs', 2)).toBe('won 0 of 2');
});

test('45 processes with command lines of 16 MiB', { timeout: 120_000 }, () => {
  expect(attack('cmdline.mjs', 2)).toBe('won 0 of 2');
});

const fuse = existsSync('/dev/fuse') ? '' : 'no /dev/fuse';
test.skipIf(fuse)(`a process that keeps its reader waiting [${fuse || 'FUSE'}]`, () => {
  expect(attack('hang.mjs', 2)).toBe('won 0 of 2');
});

test.skipIf(noHeldExec)(
  `a process that is held up in an exec keeps two threads of all lists [${noHeldExec || 'FUSE'}]`,
  async () => {
    const { pid = 0 } = await startHeldExec(folder);
    const before = threads().length;
    const limits = lookingLimits({ timeout: 100 });
    for (let i = 0; i < 5; i++) await binding.listProcesses(Int32Array.of(pid), limits);
    expect(threads().length - before).toBeLessThanOrEqual(2);
    await until('them to come back', () => threads().length <= before);
  },
);

describe('bounds', () => {
  test.each([-1, 0, 1])('a command line of 128 KiB and %i', async more => {
    // Without the program's name and the space behind it, and what ends the arguments.
    const words = [holder, 'sleepers', '0'].join(' ').length + 1;
    const size = looking.text + more - words;
    const parts = [size - 60_000, 59_999].map(length => 'x'.repeat(length));
    await using one = await hold('unshare', '--uts', holder, 'sleepers', '0', ...parts);
    const length = Math.min(looking.text, looking.text + more);
    const [row] = await listNamespaces({ types: ['uts'], target: one.pid });
    expect(row?.command?.length).toBe(length);
    expect(find(await processTree(), one.pid)?.command.length).toBe(length);
  });

  test('all command lines of a list', async () => {
    const long = 'x'.repeat(10_000);
    await using one = await hold(holder, 'sleepers', '9', long);
    const pids = Int32Array.of(
      ...(find(await processTree(), one.pid)?.children ?? []).map(c => c.pid),
    );
    expect(pids.length).toBe(9);
    const { texts } = await binding.listProcesses(pids, lookingLimits({ texts: 30_000 }));
    const lengths = texts
      .split('\0')
      .filter((_, i) => i % 3 === 0)
      .map(text => text.length);
    expect(lengths.filter(length => length > 10_000).length).toBeLessThanOrEqual(3);
    expect(lengths.filter(length => length === looking.textLeast).length).toBeGreaterThanOrEqual(6);
  });

  test('threads, however many lists are asked for at once', async () => {
    const before = threads().length;
    let most = 0;
    const watch = setInterval(() => {
      most = Math.max(most, threads().length);
    }, 1);
    const choice = { containers: false };
    const list = () => [processTree(undefined, choice), listNamespaces(choice)];
    await Promise.all(Array.from({ length: 30 }, list).flat());
    clearInterval(watch);
    expect(most - before).toBeLessThan(30); // four lists, with some threads each
  });

  test('a table of mounts of which only the root directory’s is wanted', async () => {
    await using target = await startTarget('--mount');
    const script = `mount -t tmpfs none /mnt && cd /mnt
      name=$(printf %0200d) path=$name
      for i in 1 2 3 4 5 6 7 8 9; do path=$path/$name; done
      mkdir -p $path
      for i in $(seq 50); do mount --bind . $path; done`;
    execFileSync('nsenter', ['-t', `${target.pid}`, '-m', 'sh', '-c', script]);
    const all = readFileSync(`/proc/${target.pid}/mountinfo`, 'utf8');
    expect(all.length).toBeGreaterThan(looking.firstMounts);
    const text = firstMounts(target.pid);
    const whole = all.lastIndexOf('\n', looking.firstMounts - 1) + 1;
    expect(text).toBe(all.slice(0, whole)); // no part of a line
    expect(mountsIn(text).some(({ point }) => point === '/')).toBe(true);
  });

  const scan = (changed: Parameters<typeof lookingLimits>[0]) =>
    binding.scanNamespaces(0x04000000 /* uts */, true, lookingLimits(changed));

  test('holders, open files and tables of mounts', async () => {
    await using target = await startTarget('--uts');
    await using _one = await hold(holder, 'fds', '100', `/proc/${target.pid}/ns/uts`);
    const { holders, unreadable } = await scan({});
    const count = holders.length / 4;
    expect(count).toBeGreaterThan(0);
    expect((await scan({ found: count })).holders.length / 4).toBe(count);
    for (const bound of [0, count - 1]) {
      const less = await scan({ found: bound });
      expect(less.holders.length / 4).toBe(bound);
      expect(less.unreadable).toBeGreaterThan(unreadable);
    }
    for (const changed of [{ files: 10 }, { mounts: 100 }]) {
      expect((await scan(changed)).unreadable).toBeGreaterThan(unreadable);
    }
  });

  test('answers of the kernel, in bytes', async () => {
    const ask = (bytes: number, milliseconds = 10_000) => {
      const message = new Uint8Array(16 + 16); // RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP
      new DataView(message.buffer).setUint32(0, message.length, true);
      new DataView(message.buffer).setUint16(4, 18, true);
      new DataView(message.buffer).setUint16(6, 0x301, true);
      const fd = binding.openNamespace('/proc/self/ns/net');
      const limits = lookingLimits({ bytes, milliseconds });
      const done = binding.netlinkDump(fd, Int32Array.of(0), [message], limits);
      return done.finally(() => binding.close(fd));
    };
    const { answers } = await ask(1e6);
    // And the message that ends them, with its number.
    const size = (answers[0]?.length ?? 0) + 20;
    expect(await ask(size)).toMatchObject({ error: 0 });
    expect(await ask(size + 1)).toMatchObject({ error: 0 });
    expect(await ask(size - 1)).toMatchObject({ error: -27, step: 'recv' });
    expect(await ask(1e6, 0)).toMatchObject({ error: -110, step: 'recv' });
  });
});

/** A page of its arguments that userfaultfd(2) holds back. */
const withheld = `
  #define _GNU_SOURCE
  #include <fcntl.h>
  #include <linux/userfaultfd.h>
  #include <stdio.h>
  #include <sys/ioctl.h>
  #include <sys/mman.h>
  #include <sys/syscall.h>
  #include <unistd.h>
  int main(int count, char** args) {
    int uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
    struct uffdio_api api = {.api = UFFD_API};
    unsigned long page = ((unsigned long)args[1] + 8192) & ~4095ul;
    struct uffdio_register range = {.range = {page, 65536}, .mode = UFFDIO_REGISTER_MODE_MISSING};
    if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api)) return 1;
    if (ioctl(uffd, UFFDIO_REGISTER, &range) || madvise((void*)page, 65536, MADV_DONTNEED)) return 1;
    write(1, "ready", 5);
    for (;;) pause();
  }`;

test('a page that userfaultfd holds back: the command line ends there', async () => {
  const program = join(mkdtempSync(join(folder, 'withheld-')), 'withheld');
  execFileSync('cc', ['-w', '-x', 'c', '-o', program, '-'], { input: withheld });
  await using one = await hold(program, 'x'.repeat(100_000));
  const length = find(await processTree(), one.pid)?.command.length ?? 0;
  expect(length).toBeGreaterThan(0);
  expect(length).toBeLessThan(20_000);
});

const strace = hasProgram('strace') ? '' : 'no strace';
describe.skipIf(strace)(`a call that fails [${strace || 'strace'}]`, () => {
  interface Outcome {
    rows?: number;
    unreadable?: number;
    code?: string;
  }
  const script = `
    import { listNamespaces, listSockets, processTree } from 'linux-namespaces';
    const say = promise => promise.then(
      list => ({ rows: list.length, unreadable: list.unreadable }),
      error => ({ code: error.code }));
    const without = { containers: false };
    console.log(JSON.stringify([
      await say(listNamespaces(without)),
      await say(processTree(undefined, without)),
      await say(listSockets(process.pid)),
    ]));`;
  const alone = ['unshare', '--pid', '--fork', '--kill-child', '--mount', '--mount-proc'];
  const run = (...inject: string[]): Outcome[] =>
    JSON.parse(runScript(script, [...alone, 'strace', '-f', '-qq', '-o', '/dev/null', ...inject]));

  test.each([
    ['openat', 'EMFILE'],
    ['openat', 'ENOMEM'],
    ['openat', 'EACCES'],
    ['getdents64', 'ENOMEM'],
  ])('%s on /proc with %s: an error', (call, error) => {
    const inject = ['-P', '/proc', '-e', `trace=${call}`, '-e', `inject=${call}:error=${error}`];
    const codes = run(...inject).map(({ code }) => code);
    expect(codes).toEqual(Array(3).fill(error));
  });

  // One opening of /proc after the other, of whichever thread.
  test.each([1, 2, 3, 4, 5, 6])('only opening number %i of /proc: an error, or a whole list', n => {
    const results = run(
      '-P',
      '/proc',
      '-e',
      'trace=openat',
      '-e',
      `inject=openat:error=EMFILE:when=${n}`,
    );
    for (const { code, rows = 0, unreadable } of results) {
      if (code === undefined) expect(rows > 0 && unreadable === 0).toBe(true);
      else expect(code).toBe('EMFILE');
    }
  });

  test.each([
    ['EACCES', 'error=EACCES'],
    ['an empty answer, as Linux 5.10 has it', 'retval=0'],
  ])('every readlinkat with %s: the processes are counted', (_, how) => {
    const [namespaces, tree, sockets] = run(
      '-e',
      'trace=readlinkat',
      '-e',
      `inject=readlinkat:${how}`,
    );
    for (const result of [namespaces, tree, sockets]) {
      expect(result?.code).toBe(undefined);
      expect(result?.unreadable).toBeGreaterThan(0);
    }
  });

  test('every readlinkat with EMFILE: an error', () => {
    const results = run('-e', 'trace=readlinkat', '-e', 'inject=readlinkat:error=EMFILE');
    expect(results[0]?.code).toBe('EMFILE');
    expect(results[1]?.code).toBe('EMFILE');
  });
});
