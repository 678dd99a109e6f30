/**
 * npm run bench -- exec: a program in a container, beside docker exec; and what comes out of a terminal, beside
 * script(1) and node-pty, where that is installed (npm install --no-save node-pty). Not among the rows that run
 * by default: it starts Docker.
 */
import { spawn as nodeSpawn } from 'node:child_process';
import { finished } from 'node:stream/promises';
import { spawn } from 'linux-namespaces';
import { runnerImport } from 'vite';
import { file, interleave, row } from './measure.mjs';

const megabytes = 50;
/** No dependency of ours, so that nothing looks for its types. */
const packageName = /** @type {string} */ ('node-pty');
const line = `yes 0123456789abcdef | head -c ${megabytes}000000`;

export default async function measure() {
  return [...(await measureExec()), ...(await measureTerminals())];
}

async function measureExec() {
  const { module } = await runnerImport(file('../test/engines/index.ts'));
  const docker = await module.startDocker();
  try {
    await docker.start('--name', 'web', 'busybox:1');
    const { ours, theirs, ratio } = await interleave(15, {
      ours: () => timed(() => docker.machine.run(file('../lib/cli.cjs'), ['exec', 'web', 'true'])),
      theirs: () => timed(() => docker.docker('exec', 'web', 'true')),
    });
    const relation = ratio('ours', 'theirs');
    const least = `docker exec ${theirs.toFixed(0)} ms`;
    return [row('exec NAME true', `${ours.toFixed(0)} ms`, least, relation, '< 1', relation < 1)];
  } finally {
    await docker.stop();
  }
}

async function measureTerminals() {
  const pty = await import(packageName).catch(() => undefined);
  const ways = {
    ours: () => drained(spawn('sh', ['-c', line], { terminal: true }).terminal),
    script: () => {
      const child = nodeSpawn('script', ['-qec', line, '/dev/null']);
      child.stdin.end();
      return drained(child.stdout);
    },
    ...(pty && { pty: () => throughPty(pty) }),
  };
  const results = await interleave(5, ways);
  const rate = time => `${((megabytes * 1000) / time).toFixed(0)} MB/s`;
  const rows = [['script', 'script(1)'], ...(pty ? [['pty', 'node-pty']] : [])];
  return rows.map(([name, title]) => {
    const relation = results.ratio('ours', name);
    const least = `${title} ${rate(results[name])}`;
    return row(
      `${megabytes} MB of a terminal`,
      rate(results.ours),
      least,
      relation,
      '<= 1.1',
      relation <= 1.1,
    );
  });
}

/** Milliseconds until all has come, which is to be all. */
function drained(stream) {
  return timed(async () => {
    let length = 0;
    stream.on('data', bytes => {
      length += bytes.length;
    });
    await finished(stream, { writable: false });
    if (length < megabytes * 1_000_000) throw new Error(`${length} bytes came`);
  });
}

/** It may lose what comes last: libuv takes a hangup for the end. */
function throughPty({ spawn: start }) {
  return timed(() => {
    const child = start('sh', ['-c', line], { encoding: null });
    child.onData(() => {});
    return new Promise(resolve => child.onExit(resolve));
  });
}

async function timed(fn) {
  const begin = performance.now();
  await fn();
  return performance.now() - begin;
}
