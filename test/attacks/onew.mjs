/**
 * A target without power goes into a user namespace of its own between two looks that the library
 * takes at it: its /proc/PID/status then shows all capabilities. strace holds that reading, so the moment
 * is the same each time. One half of the targets is in our user namespace, the other in one of its own.
 *
 *     node onew.mjs [runs]
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const runs = Number(process.argv[2] ?? 10);
const self = fileURLToPath(import.meta.url);
// CAP_SETFCAP, which Docker gives too: to map uid 0 into the namespace below.
const powerless = ['setpriv', '--inh-caps=-all', '--bounding-set=-all,+setfcap'];

if (process.argv[3] === undefined) {
  const folder = mkdtempSync(join(tmpdir(), 'onew-'));
  const program = join(folder, 'onew');
  try {
    execFileSync('cc', ['-static', '-O1', '-o', program, self.replace(/mjs$/, 'c')]);
    const held = Array.from({ length: 100 }, (_, i) => ['-P', `/proc/self/fd/${i}/status`]).flat();
    const trace = ['-f', '-qq', '-o', '/dev/null', '-e', 'trace=openat', ...held];
    const slow = ['-e', 'inject=openat:delay_enter=220000'];
    const under = [...trace, ...slow, process.execPath, self, String(runs), program];
    const [code] = await once(spawn('strace', under, { stdio: 'inherit' }), 'exit');
    process.exitCode = code ?? 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
} else {
  const { execFile } = await import(process.env.LINUX_NAMESPACES ?? '../../lib/index.js');
  let won = 0;
  let met = 0;
  for (let i = 0; i < runs; i++) {
    const place = i % 2 === 0 ? ['unshare', '-m'] : ['unshare', '-Urm'];
    const line = [...place, ...powerless, process.argv[3], String(process.pid)];
    const target = spawn(line[0], line.slice(1), { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(target.stdout, 'data');
    const status = await new Promise(done => {
      const namespaces = i % 2 === 0 ? ['mnt'] : ['user', 'mnt'];
      const options = { target: target.pid, namespaces, credentials: 'target' };
      try {
        execFile('cat', ['/proc/self/status'], options, (error, out) =>
          done(error ? `${error}` : out),
        );
      } catch (error) {
        done(`${error}`);
      }
    });
    if (isPowerful(status)) won++;
    if (isPowerful(readFileSync(`/proc/${target.pid}/status`, 'utf8'))) met++;
    target.kill('SIGKILL');
    await once(target, 'close');
  }
  console.error(`${met} of ${runs} targets went into a user namespace of their own meanwhile`);
  console.log(`won ${won} of ${runs}`);
  process.exitCode = won === 0 ? 0 : 1;
}

/** Has it CAP_SYS_ADMIN? */
function isPowerful(status) {
  const effective = /^CapEff:\t(\w+)$/m.exec(status)?.[1] ?? '0';
  return (BigInt(`0x${effective}`) & (1n << 21n)) !== 0n;
}
