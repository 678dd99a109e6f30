/**
 * `exec -it` as an operator works with it, in tmux: into containers of every engine. What takes longer is for
 * `npm run test:terminals`: TERMINALS=all.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { spawn } from 'linux-namespaces';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import {
  type Machine,
  missing,
  runPod,
  startContainerd,
  startCrun,
  startDocker,
  startPodman,
  startRunc,
  user,
} from '../../engines/index.ts';
import { seconds } from '../../timeouts.ts';
import { startTarget } from '../child/fixtures/targets.ts';
import { isForeground, processesBelow, Screen } from '../shared/screen.ts';
import { hasProgram } from '../shared/support.ts';

const command = join(import.meta.dirname, '../../../lib/cli.cjs');
const all = process.env['TERMINALS'] === 'all';

/** Starts one container, and says how it is called. */
type Start = () => Promise<{ machine: Machine; name: string }>;

const engines: [name: string, program: string, start: Start][] = [
  [
    'Docker',
    'dockerd',
    async () => {
      const { start, machine } = await startDocker();
      await start('--name', 'web', 'busybox:1');
      return { machine, name: 'web' };
    },
  ],
  [
    'Podman',
    'podman',
    async () => {
      const { start, machine } = await startPodman();
      await start('--name', 'web', 'busybox:1');
      return { machine, name: 'web' };
    },
  ],
  [
    'rootless Podman',
    'newuidmap',
    async () => {
      const { start, machine } = await startPodman({ rootless: true });
      await start('--name', 'web', 'busybox:1');
      return { machine, name: `${user.uid}:web` };
    },
  ],
  [
    'containerd',
    'containerd',
    async () => {
      const { ctr, machine } = await startContainerd();
      await ctr('run', '-d', 'docker.io/library/busybox:1', 'web', 'sleep', '1000000');
      return { machine, name: 'web' };
    },
  ],
  [
    'CRI',
    'containerd',
    async () => {
      const containerd = await startContainerd();
      const pod = await runPod(containerd, { namespace: 'blog', name: 'web', uid: 'uid' });
      await pod.run('server', ['sleep', '1000000']);
      return { machine: containerd.machine, name: 'blog/web/server' };
    },
  ],
  [
    'runc',
    'runc',
    async () => {
      const runc = await startRunc();
      await runc.start('web');
      return { machine: runc.machine, name: 'web' };
    },
  ],
  [
    'crun',
    'crun',
    async () => {
      const crun = await startCrun();
      await crun.start('web');
      return { machine: crun.machine, name: 'web' };
    },
  ],
];

const withoutTmux = hasProgram('tmux') ? '' : 'tmux';

for (const [engine, program, start] of engines) {
  const without = withoutTmux || missing(program);
  describe.skipIf(without)(`${engine} [${without || 'installed'}]`, () => {
    let machine: Machine;
    let name: string;
    let screen: Screen;
    beforeAll(async () => {
      ({ machine, name } = await start());
    }, seconds(180));
    afterEach(() => screen?.close());
    afterAll(() => machine?.stop(), seconds(60));

    const open = async () => {
      screen = await Screen.open(machine);
      return screen;
    };
    const exec = (...words: string[]) =>
      `${process.execPath} ${command} exec ${words.join(' ')}`.replace('NAME', name);
    const inside = async () => {
      screen.type(exec('-it', '-e', "'PS1=inside# '", 'NAME', 'sh'));
      await screen.until(/inside# $/m);
    };
    /** Of the command that the shell of the screen has started. */
    const ofCommand = () => {
      const found = processesBelow(screen.pid).find(({ line }) => line.includes('cli.cjs exec'));
      if (found === undefined) throw new Error('the command does not run');
      return found.pid;
    };
    /** What is typed reaches it: until then it would reach the shell. */
    const isInFront = (wanted: string) =>
      vi.waitUntil(
        () =>
          processesBelow(ofCommand()).some(({ pid, line }) => line === wanted && isForeground(pid)),
        { timeout: seconds(30) },
      );

    test('vi, top, job control, Ctrl-C, resize, UTF-8, exit 3', async () => {
      await open();
      await inside();
      screen.type('stty size; echo grüße 日本 | tee /tmp/text');
      await screen.until(/^40 100\ngrüße 日本$/m);
      screen.type('vi /tmp/text');
      await screen.until(/^~$/m);
      screen.type('oadded', 'Escape');
      await screen.until(/^added$[\s\S]*^- \/tmp\/text/m); // what comes at once with Escape is one key
      screen.type(':wq');
      await screen.until(/inside# $/m);
      screen.clear();
      screen.type('cat /tmp/text');
      await screen.until(/^grüße 日本\nadded\n+inside# $/m);
      screen.type('top -d 1');
      await screen.until(/PID\s+PPID[\s\S]*top -d 1/);
      screen.key('q');
      await screen.until(/inside# $/m);
      screen.clear();
      screen.type('sleep 1000');
      await isInFront('sleep 1000');
      screen.key('C-z');
      await screen.until(/Stopped[\s\S]*inside# $/m);
      screen.type('jobs; fg');
      await screen.until(/Stopped +sleep 1000\nsleep 1000$/m);
      await isInFront('sleep 1000');
      screen.key('C-c');
      await screen.until(/\^C\n+inside# $/m);
      screen.resize(90, 30);
      screen.type('until stty size | grep "30 90"; do sleep 0.05; done');
      await screen.until(/^30 90$/m);
      screen.type('exit 3');
      await screen.until(/host# $/m);
      screen.type('echo code=$?');
      await screen.until(/^code=3$/m);
      await screen.isUnchanged();
    });

    if (!all) return;

    test('100 MB of output, and its last line', { timeout: seconds(420) }, async () => {
      await open();
      const script = `"yes 0123456789 | head -c 100000000; echo; echo LAST''LINE"`;
      screen.type(`${exec('-t', 'NAME', 'sh', '-c', script)}; echo code=$?`);
      await screen.until(/^LASTLINE\ncode=0$/m, seconds(200));
      await screen.isUnchanged();
      const counted = `${exec('-t', 'NAME', 'sh', '-c', script)} | wc -c`;
      screen.type(counted);
      await screen.until(/^109090921$/m, seconds(200)); // 9090911 lines, each with its CR
    });

    test.each(['TERM', 'HUP', 'INT', 'KILL'] as const)('killed by SIG%s', async signal => {
      await open();
      await inside();
      process.kill(ofCommand(), `SIG${signal}`);
      await screen.until(/host# $/m);
      await screen.isUnchanged();
    });

    test.each(['-it', '-i', '-t', ''])('TIOCSTI with "%s" types nothing outside', async options => {
      await open();
      const program = join(machine.folder, 'type');
      writeFileSync(`${program}.c`, typing);
      execFileSync('cc', ['-static', '-o', program, `${program}.c`]);
      const line = `${process.execPath} ${command} exec -i ${name} sh -c 'cat >/tmp/type; chmod +x /tmp/type'`;
      await machine.run('sh', ['-c', `${line} <${program}`]);
      screen.type(`${exec(options, 'NAME', '/tmp/type')}; echo en""ded`);
      await screen.until(/ended/);
      screen.type('echo and""more');
      // On its own terminal it may see what it has typed; nobody has run it.
      expect(await screen.until(/andmore/)).not.toMatch(/^TYPED|host# echo TYPED/m);
      await screen.isUnchanged();
    });
  });
}

if (all) {
  const runs = Number(process.env['TERMINAL_RUNS'] ?? 1000);
  test('runs of 3 MB lose nothing on the way through two terminals', {
    timeout: seconds(5 * runs),
  }, async () => {
    const { pid } = await startTarget(['mnt', 'pid'], { keep: true });
    const script = 'head -c 3000000 /dev/zero | tr "\\0" x; printf MARKER';
    for (let run = 0; run < runs; run++) {
      const words = ['exec', '-t', `${pid}`, 'sh', '-c', script];
      const child = spawn(command, words, { terminal: true });
      let length = 0;
      let last = '';
      for await (const chunk of child.terminal) {
        length += chunk.length;
        last = (last + chunk).slice(-6);
      }
      expect([run, length, last]).toEqual([run, 3_000_006, 'MARKER']);
    }
  });
}

const typing = `#include <sys/ioctl.h>
int main(void) {
  for (int fd = 0; fd < 3; fd++)
    for (const char* c = "echo TY""PED\\n"; *c; c++) ioctl(fd, TIOCSTI, c);
  return 0;
}`;
