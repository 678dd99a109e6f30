// What a process in the container tries against a worker, with the capabilities that Docker leaves it,
// and with CAP_SYS_PTRACE besides. It looks at every process from the moment that it appears.
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { spawn } from 'linux-namespaces';
import { describe, expect, test } from 'vitest';
import { seconds } from '../../timeouts.ts';
import { makeImage, startTarget } from '../child/fixtures/targets.ts';
import {
  attacker,
  copyOfNode,
  dockers,
  hashOf,
  heardFrom,
  marker,
  run,
} from './fixtures/attack.ts';

const container = ['mnt', 'pid', 'net', 'ipc', 'uts'] as const;

/** Opens workers one after the other, each doing something, and prints how many did. */
const openMany = (pid: number, count = 15) => `
  import { openWorker } from 'linux-namespaces';
  let done = 0;
  for (let i = 0; i < ${count}; i++) {
    const worker = await openWorker(${pid}, 'all');
    done += await worker.evaluate(async () => {
      await fs.promises.readdir('/');
      return 1;
    });
    await worker.close();
  }
  console.log(done);`;

async function underAttack(capabilities: string) {
  const image = makeImage();
  copyFileSync(attacker, join(image, 'bin/attacker'));
  const enter = `mount -t proc proc ${image}/proc && exec setpriv --bounding-set=-all,${capabilities} chroot ${image} "$@"`;
  const target = await startTarget(container, {
    before: ['sh', '-c', enter, 'sh'],
    program: ['/bin/probe', 'wait'],
  });
  const attacking = spawn('/bin/attacker', [marker], {
    target: target.pid,
    credentials: 'target',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const heard = heardFrom(attacking as never);
  await heard.ready;
  const node = copyOfNode(`node-${process.hrtime.bigint()}`);
  const before = hashOf(node);
  const { stdout, stderr } = await run(node, openMany(target.pid));
  attacking.kill('SIGKILL');
  return {
    opened: stdout.trim(),
    stderr,
    words: heard.words,
    caps: [...heard.words].filter(word => word.startsWith('caps=')),
    unchanged: hashOf(node) === before,
  };
}

describe.each([
  ['Docker’s capabilities', dockers],
  ['Docker’s capabilities and CAP_SYS_PTRACE', `${dockers},+sys_ptrace`],
])('an attacker with %s', (_, capabilities) => {
  test('cannot change our node, nor reach our files, nor meet more power than his own', {
    timeout: seconds(120),
  }, async () => {
    const { opened, stderr, words, caps, unchanged } = await underAttack(capabilities);
    expect({ opened, stderr }).toEqual({ opened: '15', stderr: '' });
    expect(unchanged).toBe(true);
    expect(words).toContain('process'); // he did see them
    for (const what of ['marker', 'root', 'cwd', 'fd', 'exe', 'exe-later', 'written', 'map-file']) {
      expect(words, what).not.toContain(what);
    }
    const trace = capabilities.includes('sys_ptrace');
    expect(caps).toEqual([`caps=${trace ? '00000000a80c25fb' : '00000000a80425fb'}`]);
    // With CAP_SYS_PTRACE he can look into what has his own rights; without, into nothing.
    for (const what of ['environ', 'mem', 'ptrace', 'exe-path']) {
      if (!trace) expect(words, what).not.toContain(what);
    }
  });
});
