/** What importing the package costs and leaves, in fresh processes: nothing but a little time. */
import { execFileSync } from 'node:child_process';
import { file, row } from './measure.mjs';

export default () => {
  const child = (...args) =>
    execFileSync(process.execPath, [...args.slice(0, -1), file('import-child.mjs'), args.at(-1)], {
      stdio: ['ignore', 'pipe', 'ignore'],
      encoding: 'utf8',
    });
  // The best, not the median: whatever else the machine does only adds to it.
  const best = what => Math.min(...Array.from({ length: 21 }, () => Number(child(what))));
  const ms = best('import') - best('nothing');
  const found = JSON.parse(child('--expose-internals', 'look'));
  const left = ({ threads, hooks, patched }) =>
    `${threads} threads, ${hooks} hooks, ${patched.length} patched`;
  const same =
    found.after.threads === found.before.threads &&
    found.after.hooks === 0 &&
    found.after.patched.length === 0;
  return [
    { ...row('import', `${ms.toFixed(1)} ms`, '', 1, '< 10 ms', ms < 10), ratio: '' },
    {
      ...row('  and what is there', left(found.after), left(found.before), 1, 'the same', same),
      ratio: '',
    },
  ];
};
