/** What the command takes to start a program, beside a Node that does nothing. Needs root. */
import { execFileSync } from 'node:child_process';
import { file, interleave, row, withTarget } from './measure.mjs';

// Of a Node that does nothing these take twice as long as all else, where they are set; the command does without.
const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env;

const ms = value => `${value.toFixed(1)} ms`;

export default () =>
  withTarget(async pid => {
    const command = file('../lib/cli.cjs');
    const time = (...line) => {
      const start = performance.now();
      const [program, ...args] = line;
      execFileSync(program, args, { env });
      return performance.now() - start;
    };
    const { enter, all, debug, version, node, ratio } = await interleave(25, {
      node: () => time('node', '-e', '0'), // as the command finds it
      enter: () => time(command, 'enter', '-t', `${pid}`, '-n', 'true'),
      all: () => time(command, 'enter', '-t', `${pid}`, '-a', 'true'),
      debug: () => time(command, 'debug', `${pid}`, 'true'),
      version: () => time(command, '--version'),
    });
    const rows = { 'enter -t PID -n true': ['enter', enter], '--version': ['version', version] };
    const byFloor = Object.entries(rows).map(([name, [key, took]]) =>
      row(
        name,
        ms(took),
        `node -e 0 ${ms(node)}`,
        ratio(key, 'node'),
        '<= 1.15',
        ratio(key, 'node') <= 1.15,
      ),
    );
    const ofAll = ratio('debug', 'all');
    const floor = `enter -t PID -a true ${ms(all)}`;
    return [...byFloor, row('debug PID true', ms(debug), floor, ofAll, '<= 1.15', ofAll <= 1.15)];
  });
