/**
 * npm run test:nodes [-- 22 26]: the whole test suite on each Node that is supported, all with the
 * one addon that has been built. Each Node comes from npm and is kept for the next time. Bounded by 40
 * minutes a Node, times SLOWNESS.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { claimCache } from './cache.mjs';
import { count } from './count.mjs';
import { fetchNode } from './nodes-fetch.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const cache = claimCache('nodes');
const asked = process.argv.slice(2);
const majors = asked.length > 0 ? asked : ['20', '22', '24', '26'];
const minutes = 40 * Number(process.env.SLOWNESS ?? 1);

function runSuite(node) {
  const report = join(cache, `report-${process.pid}.json`);
  const started = Date.now();
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const { status } = spawnSync(node, [vitest, 'run', ...reporters], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    timeout: minutes * 60_000,
    // For tests that start `node`.
    env: { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH}` },
  });
  const seconds = Math.round((Date.now() - started) / 1000);
  const counts = existsSync(report) ? count(report) : { passed: 0, failed: 0, skipped: 0 };
  rmSync(report, { force: true });
  return { ...counts, seconds, ok: status === 0 && counts.failed === 0 && counts.passed > 0 };
}

const rows = [];
for (const major of majors) {
  const node = fetchNode(major);
  const version = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim();
  console.log(`\n=== Node ${version}`);
  rows.push({ node: version, ...runSuite(node) });
}
console.table(rows);
if (rows.some(row => !row.ok)) process.exitCode = 1;
