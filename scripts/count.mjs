/**
 * Counts what ran, from the file that vitest's json reporter writes: one test one count, and one
 * failure for a test file that failed without a test having done so (it could not even be loaded).
 */
import { readFileSync } from 'node:fs';

export function count(report) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const file of JSON.parse(readFileSync(report, 'utf8')).testResults) {
    const states = file.assertionResults.map(test => test.status);
    for (const state of states) counts[state in counts ? state : 'skipped']++;
    if (file.status === 'failed' && !states.includes('failed')) counts.failed++;
  }
  return counts;
}
