// What Compose itself makes, by the names that people have for it.
import { mkdirSync, writeFileSync } from 'node:fs';
import { findContainer } from 'linux-namespaces';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Docker, missing, startDocker } from '../../engines/index.ts';
import { rejectionOf } from '../shared/support.ts';

const absent = missing('dockerd', 'docker-compose');

describe.skipIf(absent)(`Compose [${absent || 'installed'}]`, () => {
  let docker: Docker;
  beforeAll(async () => {
    docker = await startDocker();
    const folder = `${docker.machine.root}/opt/shop`;
    mkdirSync(folder);
    const services = ['web', 'db', 'scaled', 'named'].map(
      name => `  ${name}:\n    image: busybox:1\n    network_mode: host\n    init: true\n`,
    );
    services.push('    container_name: my-own\n');
    writeFileSync(`${folder}/compose.yaml`, `services:\n${services.join('')}`);
    const options = ['-f', '/opt/shop/compose.yaml', 'up', '-d', '--scale', 'scaled=2'];
    await docker.machine.run('docker-compose', options, { DOCKER_HOST: 'unix:///run/docker.sock' });
  }, 120_000);
  afterAll(() => docker?.stop());

  test('a service, and its container', async () => {
    const find = (name: string) => findContainer(name, { root: docker.machine.root });
    for (const service of ['web', 'db']) {
      const name = (await docker.docker('ps', '--format', '{{.Names}}'))
        .split('\n')
        .find(one => new RegExp(`^shop[-_]${service}[-_]1$`).test(one));
      const { Id, State } = await docker.inspect(`${name}`);
      for (const one of [service, `docker:${service}`, `${name}`, `/${name}`]) {
        expect(await find(one), one).toMatchObject({ id: Id, pid: State.Pid, name });
      }
    }
    expect((await find('my-own')).pid).toBe((await docker.inspect('my-own')).State.Pid);
    expect((await rejectionOf(find('scaled'))).code).toBe('ENOTUNIQ');
    expect((await rejectionOf(find('nothing'))).code).toBe('ENOENT');
  });
});
