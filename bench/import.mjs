/** What importing the package costs and leaves, in fresh processes: nothing but a little time. */
import { execFileSync } from 'node:child_process';
import { file, interleave, row } from './measure.mjs';

export default async () => {
  const start = what => {
    const begin = process.hrtime.bigint();
    execFileSync(process.execPath, [file('import-child.mjs'), what]);
    return Number(process.hrtime.bigint() - begin) / 1e6;
  };
  const ms = await interleave(21, {
    ours: () => start('import'),
    floor: () => start('nothing'),
  });
  const found = JSON.parse(
    execFileSync(process.execPath, ['--expose-internals', file('import-child.mjs'), 'look'], {
      stdio: ['ignore', 'pipe', 'ignore'],
      encoding: 'utf8',
    }),
  );
  const more = ms.ours - ms.floor;
  const left = ({ threads, hooks, patched }) =>
    `${threads} threads, ${hooks} hooks, ${patched.length} patched`;
  const same =
    found.after.threads === found.before.threads &&
    found.after.hooks === 0 &&
    found.after.patched.length === 0;
  return [
    row(
      `import: +${more.toFixed(1)} ms`,
      `${ms.ours.toFixed(1)} ms`,
      `${ms.floor.toFixed(1)} ms`,
      ms.ratio('ours', 'floor'),
      '< +10 ms',
      more < 10,
    ),
    {
      ...row('import leaves', left(found.after), left(found.before), 1, 'the same', same),
      ratio: '',
    },
  ];
};
