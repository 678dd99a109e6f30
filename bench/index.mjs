/** npm run bench [-- NAME...]: each row against its floor, both measured here and now. */
const names = ['switch', 'http', 'many', 'import', 'command'];
const asked = process.argv.slice(2);
const columns = ['what', 'ours', 'floor', 'ratio', 'goal', 'ok'];

const rows = [columns];
for (const name of asked.length > 0 ? asked : names) {
  const { default: measure } = await import(`./${name}.mjs`);
  for (const row of await measure()) rows.push(columns.map(column => row[column]));
}
const widths = columns.map((_, i) => Math.max(...rows.map(row => row[i].length)));
for (const row of rows) {
  console.log(
    row
      .map((cell, i) => cell.padEnd(widths[i]))
      .join('  ')
      .trimEnd(),
  );
}
