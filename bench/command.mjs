/** What the command takes to start a program, beside a Node that does nothing. Needs root. */
import { execFileSync } from 'node:child_process';
import { file, interleave, row, withTarget } from './measure.mjs';

const ms = value => `${value.toFixed(1)} ms`;

export default () =>
  withTarget(async pid => {
    const command = file('../lib/cli.cjs');
    const time = (...line) => {
      const start = performance.now();
      const [program, ...args] = line;
      execFileSync(program, args);
      return performance.now() - start;
    };
    const { enter, version, node, ratio } = await interleave(25, {
      node: () => time('node', '-e', '0'), // as the command finds it
      enter: () => time(command, 'enter', '-t', `${pid}`, '-n', 'true'),
      version: () => time(command, '--version'),
    });
    const rows = { 'enter -t PID -n true': ['enter', enter], '--version': ['version', version] };
    return Object.entries(rows).map(([name, [key, took]]) =>
      row(
        name,
        ms(took),
        `node -e 0 ${ms(node)}`,
        ratio(key, 'node'),
        '<= 1.15',
        ratio(key, 'node') <= 1.15,
      ),
    );
  });
