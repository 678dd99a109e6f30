// The limit of open files, with the kernel's own limit, at every number of descriptors that are left:
// one error by name, nothing left open, and the next call works.
import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { seconds } from '../../timeouts.ts';
import { all, makeImage, startTarget } from '../child/fixtures/targets.ts';

const most = 40;

/** Prints for each number of free descriptors what came of both calls; ends by itself if all is well. */
const script = (pid: number, types: unknown) => `
  import fs from 'node:fs';
  import { evaluate, openWorker } from 'linux-namespaces';
  process.on('uncaughtException', error => {
    console.log(JSON.stringify({ uncaught: String(error).slice(0, 200) }));
    process.exit(1);
  });
  const open = () => fs.readdirSync('/proc/self/fd').length;
  const calls = {
    evaluate: () => evaluate(${pid}, ${JSON.stringify(types)}, () => 7),
    async openWorker() {
      const worker = await openWorker(${pid}, ${JSON.stringify(types)});
      try {
        return await worker.evaluate(() => 7);
      } finally {
        await worker.close();
      }
    },
  };
  const sleep = milliseconds => new Promise(done => setTimeout(done, milliseconds));
  for (const call of Object.values(calls)) await call(); // what is made once is made
  await sleep(1500); // what has ended is reaped within a second
  const usual = open();
  const seen = [];
  for (let free = 0; free <= ${most}; free++) {
    for (const [name, call] of Object.entries(calls)) {
      const held = [];
      try {
        for (;;) held.push(fs.openSync('/dev/null'));
      } catch {}
      for (let i = 0; i < free; i++) fs.closeSync(held.pop());
      const came = await call().catch(error => [error.name, error.code, error.syscall].join(' '));
      for (const fd of held) fs.closeSync(fd);
      // What is about to be closed has its turn.
      for (let i = 0; i < 300 && open() !== usual; i++) await sleep(10);
      seen.push({ free, name, came, left: open() - usual, next: came === 7 || await call() });
    }
  }
  console.log(JSON.stringify(seen));`;

test.each([['all'], [['uts']]])(
  'evaluate and openWorker in %j at every number of free descriptors from 0 to 40',
  {
    timeout: seconds(120),
  },
  async types => {
    const target = await startTarget(all, { root: makeImage() });
    const output = execFileSync(
      'sh',
      [
        '-c',
        'ulimit -n 128; exec "$@"',
        'sh',
        process.execPath,
        '--input-type=module',
        '-e',
        script(target.pid, types),
      ],
      { encoding: 'utf8', timeout: seconds(110), stdio: ['ignore', 'pipe', 'pipe'] },
    );
    const seen = JSON.parse(output) as {
      free: number;
      name: string;
      came: unknown;
      left: number;
      next: unknown;
    }[];
    expect(seen).toHaveLength(2 * (most + 1));
    for (const one of seen) {
      expect(one, JSON.stringify(one)).toMatchObject({ left: 0, next: one.came === 7 ? true : 7 });
      if (one.came !== 7)
        expect(one.came, JSON.stringify(one)).toMatch(/^NamespaceError EMFILE \w+$/);
    }
    expect(seen[0]?.came).not.toBe(7);
    expect(seen.at(-1)?.came).toBe(7);
  },
);
