// Workers of somebody without privileges, in containers of his own: the user namespace gives what is
// needed, and node is a sealed copy in memory.
import { readFileSync } from 'node:fs';
import type { NamespaceType } from 'linux-namespaces';
import { expect, test } from 'vitest';
import { inodesOf, makeImage, startTarget } from '../child/fixtures/targets.ts';
import { run } from './fixtures/attack.ts';

const user = { uid: 65534, gid: 65534 };
const types: NamespaceType[] = ['user', 'mnt', 'pid', 'net', 'ipc', 'uts', 'cgroup', 'time'];

const source = (pid: number, wanted: string, options: string) => `
  import fs from 'node:fs';
  import { openWorker } from 'linux-namespaces';
  let worker;
  try {
    worker = await openWorker(${pid}, ${wanted}, ${options});
    const inside = await worker.evaluate(types => ({
      uid: process.getuid(), pid: process.pid, root: fs.readdirSync('/').sort().join(),
      exe: fs.readlinkSync('/proc/self/exe'),
      places: Object.fromEntries(types.map(name => [name, fs.readlinkSync('/proc/self/ns/' + name)])),
      caps: /CapEff:\\s*(\\S+)/.exec(fs.readFileSync('/proc/self/status', 'utf8'))[1],
    }), ${JSON.stringify(types)});
    // From outside, by our own /proc, as far as its owner may look.
    let written;
    try { fs.writeFileSync('/proc/' + worker.pid + '/exe', 'x'); } catch (error) { written = error.code; }
    console.log(JSON.stringify({ ...inside, written }));
  } catch (error) {
    console.log(JSON.stringify({ name: error.name, code: error.code, syscall: error.syscall, message: error.message }));
  }
  await worker?.close();`;

test.each([
  ["the target's credentials", '{}'],
  ['our own', "{ credentials: 'inherit' }"],
])('all eight types, with %s', async (_, options) => {
  const image = makeImage();
  const target = await startTarget(types, { root: image, ...user });
  const { stdout, stderr } = await run(
    process.execPath,
    source(target.pid, "'all'", options),
    user,
  );
  expect(stderr).toBe('');
  const seen = JSON.parse(stdout);
  expect(seen).toMatchObject({
    uid: 0, // in there
    root: 'bin,dev,etc,proc,tmp,work',
    caps: '000001ffffffffff', // in there
    written: expect.stringMatching(/EACCES|EPERM|ETXTBSY/),
  });
  expect(seen.exe).toContain('memfd:linux-namespaces');
  expect(seen.places).toMatchObject(inodesOf(target.pid));
});

test('a user namespace in which nobody is root', async () => {
  const target = await startTarget([], {
    ...user,
    program: ['unshare', '-U', '-n', '-u', '-m', '-c', 'sh', '-c', 'echo; exec sleep 1000'],
  });
  const { stdout, stderr } = await run(
    process.execPath,
    source(target.pid, "['user', 'net', 'uts', 'mnt']", '{}'),
    user,
  );
  expect(stderr).toBe('');
  const seen = JSON.parse(stdout);
  expect(seen).toMatchObject({ uid: 65534, caps: '0000000000000000' });
  expect(seen.places.net).toBe(inodesOf(target.pid).net);
});

test('somebody else’s: refused, with what is missing', async () => {
  const target = await startTarget(['net', 'uts']);
  const { stdout } = await run(process.execPath, source(target.pid, "'all'", '{}'), user);
  expect(JSON.parse(stdout)).toMatchObject({ name: 'NamespaceError', code: 'EACCES' });
  const own = await startTarget([], { ...user, program: ['sh', '-c', 'echo; exec sleep 1000'] });
  expect(readFileSync(`/proc/${own.pid}/comm`, 'utf8')).toMatch(/sleep|sh/);
  const denied = await run(process.execPath, source(own.pid, "['net']", '{}'), user);
  expect(JSON.parse(denied.stdout)).toMatchObject({
    name: 'NamespaceError',
    code: 'EPERM',
    syscall: 'setns',
    message: expect.stringContaining('CAP_SYS_ADMIN'),
  });
});
