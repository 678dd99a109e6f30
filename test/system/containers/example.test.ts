import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Docker, missing, startDocker } from '../../engines/index.ts';
import { seconds } from '../../timeouts.ts';

const absent = missing('dockerd', 'runc', 'iptables');
const root = join(import.meta.dirname, '../../..');

/** The whole story, from a name to what is wrong in the container, in one program. */
describe.skipIf(absent)(`examples/container.mjs [${absent || 'installed'}]`, () => {
  let docker: Docker;
  beforeAll(async () => {
    docker = await startDocker();
  }, 60_000);
  afterAll(() => docker?.stop());

  test('tells everything about a container by its name', { timeout: seconds(120) }, async () => {
    // As a server of Java's is in its container: a child of a shell, listening on a port.
    const java =
      'mkdir -p /srv && cp /bin/busybox /srv/httpd && /srv/httpd -f -p 8080 -h /www & wait';
    await docker.start('--name', 'wordpress', '--hostname', 'blog', 'busybox:1', 'sh', '-c', java);
    const { Id, State, GraphDriver, NetworkSettings } = await docker.inspect('wordpress');
    const { bridge } = NetworkSettings.Networks; // Docker 29 says it there alone
    const { root: host } = docker.machine;
    const listens = ['sh', ['-c', `until busybox wget -qO- ${bridge.IPAddress}:8080; do :; done`]];
    await docker.machine.run(...(listens as [string, string[]]));
    const script = join(root, 'examples/container.mjs');
    const { stdout } = await promisify(execFile)(process.execPath, [script, 'wordpress', host]);
    expect(stdout).toContain("docker's container wordpress");
    expect(stdout).toMatch(new RegExp(`^  id +${Id}$`, 'm'));
    expect(stdout).toMatch(new RegExp(`^  pid +${State.Pid}$`, 'm'));
    expect(stdout).toMatch(/^ {2}image +busybox:1$/m);
    expect(stdout).toMatch(new RegExp(`^  root +${host}${GraphDriver.Data.MergedDir}$`, 'm'));
    expect(stdout).toMatch(/^ {2}user +\d+ +the host's$/m);
    expect(stdout).toMatch(/^ {2}net +\d+$/m);
    expect(stdout).toMatch(/^Hostname\n\n {2}blog$/m);
    expect(stdout).toContain(`${bridge.IPAddress}/${bridge.IPPrefixLen}`);
    // The shim is no child of the daemon, which may be stopped without its containers.
    expect(stdout).toMatch(new RegExp(`^ +\\d+ - .*containerd-shim.* -id ${Id}`, 'm'));
    expect(stdout).toMatch(new RegExp(`^ +${State.Pid} 1 sh -c`, 'm'));
    const [, inside] = /^ +\d+ (\d+) \/srv\/httpd -f -p 8080/m.exec(stdout) ?? [];
    expect(Number(inside)).toBeGreaterThan(1);
    expect(stdout).toMatch(new RegExp(`:8080 {2}/srv/httpd .*\\(pid ${inside}\\)`));
    expect(stdout).toMatch(new RegExp(`^ {2}${bridge.IPAddress}\\tblog$`, 'm'));
  });
});
