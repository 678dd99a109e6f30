// How scripts call nsenter, unshare and lsns: invocations of public ones, by kind, with those tools and
// with this command in their place. What is printed and how it ends has to be the same.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { outcome, type Started, startTarget } from '../child/fixtures/targets.ts';

const folder = mkdtempSync(join(tmpdir(), 'linux-namespaces-scripts-'));
// As it is installed: a link to the command.
const command = join(folder, 'linux-namespaces');
let target: Started;
let boxed: Started;
beforeAll(async () => {
  symlinkSync(join(import.meta.dirname, '../../../lib/cli.cjs'), command);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'mode=1777', 'scripts', '/mnt']);
  execFileSync('mount', ['--make-private', '/mnt']);
  target = await startTarget(['mnt', 'net', 'pid', 'uts', 'ipc', 'cgroup'], { keep: true });
  boxed = await startTarget(['user', 'mnt', 'net', 'pid'], { keep: true });
});
afterAll(() => {
  execFileSync('umount', ['-l', '/mnt']);
  rmSync(folder, { recursive: true });
});

/** NS, UN and LS stand for the three tools, P and B for pids. */
const scripts: string[] = [
  // into a container, as debuggers and probes do
  'NS -t P -u -p -m hostname',
  'NS -t P -m -u -i -n -- ls /proc/self/ns',
  'echo "readlink /proc/self/ns/net; echo $((1+1))" | NS --target P --mount --uts --ipc --net --pid sh',
  'echo "echo from stdin" | NS --target P --mount --uts --ipc --net --pid -- /bin/sh -s',
  'NS -a -t P env -i - A=1 env',
  'NS -at P readlink /proc/self/ns/net',
  'NS -t P -n ip -br link',
  'NS --target=P --net cat /proc/net/dev | wc -l',
  'NS -n -t P sh <<END\nreadlink /proc/self/ns/net\nexit 4\nEND',
  'tar cf - -C /usr/share/common-licenses GPL-3 | NS -t P -m tar tf -',
  'NS -t P -m tar cf - -C /usr/share/common-licenses GPL-3 2>/dev/null | tar tf -',
  'NS -m/proc/P/ns/mnt readlink /proc/self/ns/mnt',
  'NS -n/proc/P/ns/net readlink /proc/self/ns/net',
  'NS --net=/proc/P/ns/net --uts=/proc/P/ns/uts readlink /proc/self/ns/uts',
  'NS --mount=/proc/P/ns/mnt --net=/proc/P/ns/net --wdns=/tmp pwd',
  'NS -aceTwW -t P -S 1 -G 1 id',
  'NS -t P -n -S0 -G 0 id',
  'NS -t P -n -S 1000 -G 1000 id',
  'NS -t B -U -n id -u',
  'NS -t B -U --preserve-credentials -n id -u',
  'NS -t P -r -w pwd',
  'NS -t P -n sh -c "exit 7"',
  'NS -t P -n sh -c "kill -TERM \\$\\$"',
  'NS -t P -p -m ps -e -o pid= | head -1',
  'NS -t P -n no-such-program 2>/dev/null',
  'NS -t P -n /etc/passwd 2>/dev/null',
  'NS -t 4194303 -n true 2>/dev/null',
  'NS -t P -n true && echo yes || echo no',
  'if NS -t P -n test -e /nonexistent; then echo is; else echo is not; fi',
  'x=$(NS -t P -u hostname); echo "<$x>"',
  'NS -t P -n sleep 60 & kill $!; wait $!; echo $?',
  'NS -t P -n sleep 60 & kill -KILL $!; wait $!; echo $?',
  'timeout --signal=TERM 0.5 NS -t P -n sleep 60; echo $?',
  'NS -t P -n bash <(echo echo hi)',
  'exec 9>/mnt/lock; flock 9; NS -t P -n flock -n 9; echo $?',
  '(ulimit -Sn 300; NS -t P -n sh -c "ulimit -Sn")',
  'nohup NS -t P -n sh -c "kill -HUP \\$\\$; echo survived" 2>/dev/null',
  // builds and tests in new namespaces
  'UN -rm id -u',
  'UN -Urnm sh -c "id -u; ip link set lo up; ip -br addr show lo | wc -l"',
  'UN -Urn cat /proc/self/uid_map',
  'UN --map-root id -u',
  'UN -n sh -c "ip -br link | wc -l"',
  'UN -m sh -c "mount -t tmpfs t /mnt; ls /mnt | wc -l"; mountpoint -q /mnt/lock; echo $?',
  'UN -r -R / pwd',
  'UN -r -w /tmp pwd',
  'UN --user --pid --fork --mount-proc --map-root-user ps -e -o pid=,comm=',
  'UN --map-current-user id -u',
  'UN --map-user=nobody id -un',
  'UN --map-user=5 --map-group=6 id',
  'UN --kill-child=KILL -n sh -c "exit 3"; echo $?',
  'UN -fp --kill-child --mount-proc sh -c "echo /proc/[0-9]*"',
  'timeout --signal=TERM 0.5 UN -n sleep 60; echo $?',
  'env -i PATH="$PATH" UN -n sh -c "echo $HOME; env | grep -c ="',
  'touch /mnt/net; UN --net=/mnt/net ip link set lo up; NS --net=/mnt/net ip -br link | wc -l; umount /mnt/net; ls /mnt/net',
  'touch /mnt/mounts; cd /usr; UN --mount=/mnt/mounts pwd; umount /mnt/mounts',
  'touch /mnt/mp; UN --mount=/mnt/mp --mount-proc -p -f sh -c "echo /proc/[0-9]*"; umount /mnt/mp',
  'UN -n sleep 60 & sleep 0.3; NS -n -t $! ip -br link | wc -l; kill $!',
  'UN -nx true 2>/dev/null; echo $?; ls -d x 2>/dev/null',
  'UN --help >/dev/null; echo $?; UN --version >/dev/null; echo $?',
  // looking
  'LS -t net -n -l -o TYPE -p P',
  'LS --task P --type=uts --noheadings --output=NS,TYPE,PID,COMMAND --raw',
  'LS --json --output NS,TYPE,PID,USER -p P -t net -l',
  'LS $(readlink /proc/P/ns/net | tr -dc 0-9) -n -o PID,PPID',
  'LS -n -o PID $(readlink /proc/P/ns/net | tr -dc 0-9)',
  'LS -n -r -o NS -t pid -p P | wc -l',
  'LS -t bogus 2>/dev/null; echo $?',
];

const run = (script: string, tools: Record<'NS' | 'UN' | 'LS', string>) => {
  const text = script
    .replace(/\b(NS|UN|LS)\b(?! *=)/g, (_, name: 'NS' | 'UN' | 'LS') => tools[name])
    .replace(/\b(P|B)\b/g, (_, name) => `${(name === 'P' ? target : boxed).pid}`);
  const env = { ...process.env, HOME: '/root', SHELL: '/bin/sh' };
  return outcome(
    spawn('bash', ['-c', text], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] }),
  );
};

test.each(scripts)('%s', async script => {
  const theirs = () => run(script, { NS: 'nsenter', UN: 'unshare', LS: 'lsns' });
  let wanted = await theirs();
  const own = await run(script, {
    NS: `${command} enter`,
    UN: `${command} run`,
    LS: `${command} ls`,
  });
  // lsns has at least five places for a pid; ours are as wide as what is in them.
  const narrow = (text: string) => text.replace(/^ +/gm, '').replace(/ {2,}/g, ' ');
  const told = ({ stdout, code, signal }: typeof own) => ({ stdout: narrow(stdout), code, signal });
  // Where a process ends while it looks, lsns now and then says nothing (shared/lsns.ts).
  for (
    let i = 0;
    i < 20 && script.startsWith('LS') && told(wanted).stdout !== told(own).stdout;
    i++
  ) {
    wanted = await theirs();
  }
  expect(told(own), own.stderr).toEqual(told(wanted));
});
