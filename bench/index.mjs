/**
 * npm run bench [-- NAME...]: each row against its floor, both measured here and now. Some names are
 * programs with a table of their own, which take arguments: node bench/NAME.mjs.
 */
import { spawnSync } from 'node:child_process';
import { file } from './measure.mjs';

const rowNames = ['switch', 'http', 'many', 'import', 'command', 'containers', 'exec'];
const programs = ['children', 'inspect', 'workers', 'create', 'root'];
/** What takes minutes more, or wants an engine, runs only when it is asked for. */
const asked = ['containers', 'create', 'exec', 'root'];
const columns = ['what', 'ours', 'floor', 'ratio', 'goal', 'ok'];

const all = [...rowNames, ...programs];
const given = process.argv.slice(2);
const unknown = given.find(name => !all.includes(name));
if (unknown !== undefined) {
  console.error(`npm run bench: there is no ${unknown}, but ${all.join(', ')}`);
  process.exit(1);
}
const names = given.length > 0 ? given : all.filter(name => !asked.includes(name));

const rows = [columns];
for (const name of names.filter(name => rowNames.includes(name))) {
  const { default: measure } = await import(`./${name}.mjs`);
  for (const row of await measure()) rows.push(columns.map(column => row[column]));
}
const widths = columns.map((_, i) => Math.max(...rows.map(row => row[i].length)));
for (const row of rows.length > 1 ? rows : []) {
  console.log(
    row
      .map((cell, i) => cell.padEnd(widths[i]))
      .join('  ')
      .trimEnd(),
  );
}
for (const name of names.filter(name => programs.includes(name))) {
  console.log(`\n${name}`);
  const { status } = spawnSync(process.execPath, ['--expose-gc', file(`${name}.mjs`)], {
    stdio: 'inherit',
  });
  if (status !== 0) process.exitCode = 1;
}
