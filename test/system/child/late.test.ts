// What has ended in a container's pid namespace, and whose parent does not look: the container can end.
import { spawn as nodeSpawn } from 'node:child_process';
import { expect, test } from 'vitest';
import { outcome, probe, startTarget } from './fixtures/targets.ts';

test('the event loop stands still: the container ends all the same, and the end is told later', async () => {
  const target = await startTarget(['pid']);
  const script = `
    import { readFileSync } from 'node:fs';
    import { spawn } from 'linux-namespaces';
    const target = ${target.pid};
    const child = spawn(${JSON.stringify(probe)}, ['wait'], { target, namespaces: ['pid'], stdio: 'ignore', env: {} });
    const state = () => {
      try {
        return /^State:\\t(.)/m.exec(readFileSync('/proc/' + target + '/status', 'utf8'))[1];
      } catch {
        return 'gone';
      }
    };
    child.once('spawn', () => {
      process.kill(target, 'SIGKILL'); // and with it all that is in there
      const end = Date.now() + 60_000;
      while (!['Z', 'X', 'gone'].includes(state()) && Date.now() < end);
      console.log(!['Z', 'X', 'gone'].includes(state()) ? 'held' : 'ended');
      child.on('exit', (...how) => console.log(JSON.stringify(how)));
    });`;
  const node = nodeSpawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  expect(await outcome(node)).toMatchObject({ stdout: 'ended\n[null,"SIGKILL"]\n', stderr: '' });
});

test('an exit code that was taken late is the right one', async () => {
  const target = await startTarget(['pid']);
  const script = `
    import { existsSync } from 'node:fs';
    import { spawn } from 'linux-namespaces';
    const options = { target: ${target.pid}, namespaces: ['pid'], env: {} };
    const children = [3, 4].map(code => spawn(${JSON.stringify(probe)}, ['exit', String(code)], options));
    children.push(spawn('/no/such', options));
    children[2].on('error', error => console.log(error.code));
    const end = Date.now() + 60_000;
    while (children.slice(0, 2).some(({ pid }) => existsSync('/proc/' + pid)) && Date.now() < end);
    for (const child of children.slice(0, 2)) child.on('exit', code => console.log(code));`;
  const node = nodeSpawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const { stdout, stderr } = await outcome(node);
  expect({ stdout: stdout.split('\n').sort().join(' ').trim(), stderr }).toEqual({
    stdout: '3 4 ENOENT',
    stderr: '',
  });
});
