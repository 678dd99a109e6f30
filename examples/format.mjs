/** What both parts of the example print with. */
import { readFileSync } from 'node:fs';
import os from 'node:os';

/** Rows of cells as lines of aligned columns. */
export function table(rows) {
  const widths = rows[0].map((_, i) => Math.max(...rows.map(row => String(row[i]).length)));
  return rows
    .map(row => `  ${row.map((cell, i) => String(cell).padEnd(widths[i])).join('  ')}`.trimEnd())
    .join('\n');
}

/** The network interfaces that this line of code sees, each with its addresses. */
export function interfaces() {
  const addresses = os.networkInterfaces();
  const names = readFileSync('/proc/thread-self/net/dev', 'utf8').matchAll(/^ *([^:\s]+):/gm);
  return [...names].map(([, name]) => [
    name,
    (addresses[name] ?? []).map(({ cidr }) => cidr).join(' ') || 'no address',
  ]);
}
