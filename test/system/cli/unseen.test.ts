// What may not be seen is never taken for something that is not there: a user is told what cannot be told,
// and who could; and a name that nobody has, what was meant.
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { outcome } from '../child/fixtures/targets.ts';
import { hex, runcState, StateRoot } from '../containers/state-root.ts';
import { startTarget, type Target } from '../shared/support.ts';

const main = join(import.meta.dirname, '../../../lib/cli.cjs');
const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
const id = hex('0cc4b3').slice(0, 64);
const port = 8000 + (process.pid % 1000);

let state: StateRoot;
let web: Target;
beforeAll(async () => {
  state = new StateRoot();
  web = await startTarget('--net', '--mount');
  state.write('run/runc/web/state.json', runcState('web', web.pid));
  state.write(`var/lib/docker/containers/${id}/config.v2.json`, { ID: id, Name: '/db', State: {} });
  state.write('var/lib/docker/containers/.keep', '');
});
afterAll(async () => {
  await web?.kill();
  state?.[Symbol.dispose]();
});

/** May everybody read what the engines know? */
function open(isOpen: boolean): void {
  execFileSync('chmod', ['-R', 'a+rX', state.root]);
  if (!isOpen) {
    for (const path of ['run/runc', 'var/lib/docker']) chmodSync(join(state.root, path), 0o700);
  }
}

const run = (line: string, ...before: readonly string[]) => {
  const inode = readlinkSync(`/proc/${web.pid}/ns/net`).slice(5, -1);
  const words = line.replace('PID', `${web.pid}`).replace('INODE', inode).split(' ');
  const all = [...before, process.execPath, main, '--root', state.root, ...words];
  const env = { PATH: process.env['PATH'], HOME: '/' };
  return outcome(spawn(all[0] as string, all.slice(1), { env }));
};

const unread = /no right to read \S+\/run\/runc and 1 more; run as root\n$/;
const uncertain = [
  ['find pid PID', 'which container process PID runs in'],
  ['inspect PID', 'which container process PID runs in'],
  [`find port ${port}`, `which container has port ${port}`],
  ['find address 10.99.8.7', 'who has the address 10.99.8.7'],
  ['find interface vethx', 'where the interface vethx leads'],
  ['inspect wbe', 'which container wbe is'],
  ['ps web', 'which container web is'],
  ['ls web', 'which container web is'],
  ['tree web', 'which container web is'],
  ['ports web', 'which container web is'],
  ['exec web true', 'which container web is'],
  ['js -t web -p 1', 'which container web is'],
] as const;

describe('as a user who may not read what the engines know', () => {
  beforeAll(() => open(false));

  test.each(uncertain)('%s: it cannot be told', async (line, question) => {
    const { stdout, stderr, code } = await run(line, ...nobody);
    expect({ stdout, code }).toEqual({ stdout: '', code: line.startsWith('exec') ? 125 : 1 });
    const asked = question.replace('PID', `${web.pid}`);
    expect(stderr).toMatch(/^linux-namespaces: [^\n]*\n$/);
    expect(stderr).toContain(`linux-namespaces: cannot tell ${asked}: `);
    expect(stderr).toMatch(unread);
  });

  test.each([
    ['ps -q', 1, unread],
    ['ports -n', 1, unread],
    ['tree', 0, /or to look into \d+ process(es)?; run as root\n$/],
    ['ls', 0, /no right to look into \d+ process(es)?; run as root\n$/],
    ['ls -P -Q NS<1', 1, /no right to look into \d+ process(es)?; run as root\n$/],
  ])('%s: what is not seen is said', async (line, status, said) => {
    const { stdout, stderr, code } = await run(line, ...nobody);
    expect(code).toBe(status);
    expect(stdout.trim() === '').toBe(status === 1);
    expect(stderr).toMatch(/^linux-namespaces: not all is seen: [^\n]*\n$/);
    expect(stderr).toMatch(said);
  });

  test('ls of a namespace of others: who is in it cannot be told', async () => {
    const { stdout, stderr, code } = await run('ls INODE', ...nobody);
    expect({ stdout, code }).toEqual({ stdout: '', code: 1 });
    expect(stderr).toMatch(/: cannot tell who is in the namespace \d+: .*run as root\n$/);
  });

  test('what is certain all the same is said as such', async () => {
    const { stderr, code } = await run('find pid 4194303', ...nobody);
    const none = 'linux-namespaces: there is no process 4194303\n';
    expect({ stderr, code }).toEqual({ stderr: none, code: 1 });
  });

  const hidden = 'mount -t proc -o hidepid=2 proc /proc && exec "$@"';
  test.each([
    ['find pid PID', /: cannot tell which container process \d+ runs in: .*run as root\n$/],
    ['ls INODE', /: cannot tell who is in the namespace \d+: .*\(.* hidepid\); run as root\n$/],
    ['ls -P -Q NS<1', /: not all is seen: .*\(.* hidepid\); run as root\n$/],
  ])('%s: a process that /proc does not show may be there', async (line, said) => {
    const before = ['unshare', '-m', 'sh', '-c', hidden, 'sh', ...nobody];
    const { stderr, code } = await run(line, ...before);
    expect(stderr).toMatch(said);
    expect(code).toBe(1);
  });
});

describe('as a user who may read it, but not look into the containers', () => {
  beforeAll(() => open(true));
  const closed = /no right to look into web; run as root\n$/;

  test.each([
    ['find pid 1'],
    [`find port ${port}`],
    ['find address 10.99.8.7'],
    ['find interface vethx'],
    ['ports -n'],
  ])('%s: it cannot be told', async line => {
    const { stdout, stderr, code } = await run(line, ...nobody);
    expect({ stdout: stdout.trim(), code }).toEqual({ stdout: '', code: 1 });
    expect(stderr).toMatch(/^linux-namespaces: [^\n]*\n$/);
    expect(stderr).toMatch(closed);
  });

  test('addresses that are not seen are not said to be none', async () => {
    const { stdout, stderr, code } = await run('ps -J', ...nobody);
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
    expect(JSON.parse(stdout)).toMatchObject([{ name: 'web' }]);
    expect(stdout).not.toContain('addresses');
    expect((await run('ps -J')).stdout).toContain('"addresses": []');
  });
});

describe('as root in a container, without capabilities', () => {
  beforeAll(() => open(false));

  test.each([
    [
      'ports -n',
      'sys_ptrace,-sys_admin',
      'look into web, which takes CAP_SYS_PTRACE and CAP_SYS_ADMIN;',
    ],
    ['find address 10.99.8.7', 'sys_admin', 'look into web, which takes CAP_SYS_ADMIN;'],
    ['ls -P -Q NS<1', 'sys_ptrace', /look into \d+ process(es)?, which takes CAP_SYS_PTRACE;/],
  ])('%s without %s: which it takes', async (line, names, said) => {
    const sets = ['--bounding-set', '--inh-caps'].map(option => `${option}=-${names}`);
    const { stdout, stderr, code } = await run(line, 'setpriv', ...sets);
    expect({ stdout: stdout.trim(), code }).toEqual({ stdout: '', code: 1 });
    expect(stderr).toMatch(said);
    expect(stderr).toMatch(
      /give it the capability \(--cap-add, --privileged\), or do it outside\n$/,
    );
  });
});

describe('as root', () => {
  beforeAll(() => open(false));

  test.each([
    ['ps -q web', 'web\n'],
    ['find -n pid PID', /^runc +web +web +PID /],
    ['ls -n -o pid,command -t net web', /^ *PID .*\n$/],
    ['inspect PID', /"id": "web"/],
    ['tree PID', / web /],
  ])('%s: nothing is said beside the answer', async (line, prints) => {
    const { stdout, stderr, code } = await run(line);
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
    const source = typeof prints === 'string' ? `^${prints}$` : prints.source;
    expect(stdout).toMatch(new RegExp(source.replace('PID', `${web.pid}`)));
  });

  test.each([
    ['find pid 1', 'process 1 runs in no container: '],
    [`find port ${port}`, `nobody listens on port ${port}, and no container has it published`],
    ['find address 10.99.8.7', 'no interface has the address 10.99.8.7'],
    ['ps wbe', 'no container wbe; did you mean web? (ps -a lists all)'],
    ['ls Web', 'no container Web; did you mean web? (ps -a lists all)'],
    ['ls We', 'no container We; did you mean web? (ps -a lists all)'],
    ['enter -t xyz -n true', 'no container xyz (ps -a lists all)'],
    ['exec docker:web true', 'no container docker:web'],
    ['inspect 0cc4b', 'of an id 6 digits are needed at least, as in 0cc4b30cc4b3'],
    ['ls /proc/self/ns/net', 'for a file of a namespace: enter --net=/proc/self/ns/net'],
  ])('%s: there is none', async (line, message) => {
    const { stdout, stderr, code } = await run(line);
    expect({ stdout, code }).toEqual({ stdout: '', code: line.startsWith('exec') ? 125 : 1 });
    expect(stderr).toMatch(/^linux-namespaces: [^\n]*\n$/);
    expect(stderr).toContain(
      `linux-namespaces: ${message.startsWith('f') || message.startsWith('of') ? '' : message}`,
    );
    expect(stderr).toContain(message);
    expect(stderr).not.toMatch(/ENOENT|findContainer/);
  });

  test.each([
    ['ps -q', '', 1],
    ['ps -aq', '0cc4b30cc4b3\n', 0],
    ['find pid 1', '', 1],
  ])('%s: that a directory of an engine is not there', async (line, stdout, code) => {
    const found = await run(`${line} --directory runc.root=/nope`);
    expect(found).toMatchObject({ stdout, code });
    expect(found.stderr.split('\n')[0]).toBe(
      `linux-namespaces: ${state.root}/nope: lstat ENOENT, no such file or directory; it was named as the directory of an engine`,
    );
  });

  test('of a container of another user, the name by which it is found', async () => {
    const kept = { id: hex('e'), names: ['shop'], metadata: '{}' };
    const path = 'home/u/.local/share/containers/storage/overlay-containers/containers.json';
    state.write('run/user/1234/bus', '', 1234);
    state.write('etc/passwd', 'u:x:1234:1234::/home/u:/bin/sh\n');
    state.write(path, [kept], 1234);
    const { stderr } = await run('inspect shpo');
    expect(stderr).toBe(
      'linux-namespaces: no container shpo; did you mean 1234:shop? (ps -a lists all)\n',
    );
  });
});
