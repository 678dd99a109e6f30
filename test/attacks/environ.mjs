/**
 * A target whose environment is as large as it likes: pages of nothing, which cost it nothing, or very
 * many short variables. Who reads all of it has as many bytes, and the time that they take. Won where it
 * is not refused with E2BIG.
 *
 *     node environ.mjs [runs]
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const library = await import(process.env.LINUX_NAMESPACES ?? '../../lib/index.js');
const runs = Number(process.argv[2] ?? 10);
const kinds = [
  ['nothing', '64'],
  ['names', '1'],
];
const folder = mkdtempSync(join(tmpdir(), 'environ-'));
const program = join(folder, 'environ');
let won = 0;
try {
  const source = fileURLToPath(import.meta.url).replace(/mjs$/, 'c');
  execFileSync('cc', ['-static', '-O1', '-o', program, source]);
  for (let i = 0; i < runs; i++) {
    const user = ['--reuid=1000', '--regid=1000', '--clear-groups', '--inh-caps=-all'];
    const line = ['-m', 'setpriv', ...user, '--bounding-set=-all', program, ...kinds[i % 2]];
    execFileSync('chmod', ['755', folder]);
    const target = spawn('unshare', line, { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(target.stdout, 'data');
    let code;
    try {
      const child = library.spawn('/bin/true', [], { target: target.pid, stdio: 'ignore' });
      child.on('error', () => {});
      await Promise.race([once(child, 'exit'), once(child, 'error')]).catch(() => {});
    } catch (error) {
      code = error.code;
    }
    if (code !== 'E2BIG') won++;
    target.kill('SIGKILL');
    await once(target, 'close');
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(`won ${won} of ${runs}`);
process.exitCode = won === 0 ? 0 : 1;
