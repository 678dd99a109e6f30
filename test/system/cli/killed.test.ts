/** `exec -it` that is killed, stopped or left alone: the modes of the operator's terminal are put back. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { seconds } from '../../timeouts.ts';
import { startTarget } from '../child/fixtures/targets.ts';
import { processesBelow, Screen } from '../shared/screen.ts';
import { hasProgram } from '../shared/support.ts';

const main = join(import.meta.dirname, '../../../lib/cli.cjs');

/** The first of the real-time signals, for which Node has no name, and so no handler. */
const realTime = 34;

describe.skipIf(!hasProgram('tmux'))('on a terminal [needs tmux]', () => {
  const screens: Screen[] = [];
  afterEach(() => {
    for (const screen of screens.splice(0)) screen.close();
  });

  const open = async (shell = '') => {
    const screen = await Screen.open();
    screens.push(screen);
    if (shell !== '') {
      screen.type(`PS1='host# ' ${shell}; echo en''ded`);
      await screen.until(/host# $/m);
    }
    return screen;
  };
  let pid = 0;
  beforeAll(async () => {
    ({ pid } = await startTarget(['mnt', 'pid'], { keep: true }));
  });
  const inside = async (screen: Screen, name = 'inside', more = '') => {
    const words = `exec -it -e 'PS1=${name}# ' ${pid} sh`;
    screen.type(`${process.execPath} ${main} ${words}${more}`);
    await screen.until(new RegExp(`^${name}# $`, 'm'));
  };
  const below = (screen: Screen, words: string) =>
    processesBelow(screen.pid)
      .filter(({ line }) => line.includes(words))
      .map(found => found.pid);
  const command = (screen: Screen, name = 'inside') => below(screen, `-it -e PS1=${name}#`)[0] ?? 0;
  const keepers = (screen: Screen) => below(screen, 'terminal-modes');
  const ended = (process: number) =>
    vi.waitUntil(() => 'ZX '.includes(stateOf(process)), { timeout: seconds(20) });
  const becomes = (screen: Screen, modes: RegExp) =>
    vi.waitUntil(() => modes.test(screen.modes), { timeout: seconds(20), interval: 10 });

  test.each([
    ['SIGKILL', constants.signals.SIGKILL],
    ['a real-time signal', realTime],
  ])('%s to the command', async (_, signal) => {
    const screen = await open();
    await inside(screen);
    await becomes(screen, /-icanon/);
    const [keeper = 0] = keepers(screen);
    process.kill(command(screen), signal);
    await screen.until(/host# $/m);
    await screen.isUnchanged();
    await ended(keeper);
  });

  test('SIGKILL to its process group, as of kill -9 %1', async () => {
    const screen = await open();
    await inside(screen);
    process.kill(-command(screen), 'SIGKILL');
    await screen.until(/host# $/m);
    await screen.isUnchanged();
  });

  test('SIGKILL to the program, and to all that there is of it', async () => {
    const screen = await open();
    await inside(screen, 'inside', '; echo code=$?');
    screen.type('kill -KILL $$');
    await screen.until(/^code=137$/m);
    await screen.isUnchanged();
    await inside(screen);
    const all = processesBelow(command(screen)).filter(
      ({ line }) => !line.includes('terminal-modes'),
    );
    const pids = [...all.map(({ pid }) => pid), command(screen)];
    spawnSync('kill', ['-KILL', ...pids.map(String)]); // of which some end by what happened to others
    await screen.until(/host# $/m);
    await screen.isUnchanged();
  });

  test('below a script that waits for it', async () => {
    const screen = await open();
    screen.type(
      `sh -c '${process.execPath} ${main} exec -it -e "PS1=inside# " ${pid} sh; echo code=$?'`,
    );
    await screen.until(/^inside# $/m);
    process.kill(command(screen), 'SIGKILL');
    await screen.until(/code=137$/m); // its script may be faster: then behind spaces, as in raw mode
    await screen.isUnchanged();
  });

  test('a shell that sets modes of its own keeps them', async context => {
    if (!hasProgram('bash')) return context.skip('needs bash');
    const screen = await open('bash --norc');
    const { modes } = screen;
    expect(modes).toContain('-icanon');
    await inside(screen);
    await becomes(screen, /-opost/);
    const [keeper = 0] = keepers(screen);
    process.kill(command(screen), 'SIGKILL');
    await ended(keeper);
    await vi.waitUntil(() => screen.modes === modes, { timeout: seconds(20), interval: 10 });
    screen.type('exit');
    await screen.until(/^ended$/m);
    await screen.isUnchanged();
  });

  test('another that is in front is left alone', async context => {
    if (!hasProgram('bash')) return context.skip('needs bash');
    const screen = await open('bash --norc');
    await inside(screen, 'first');
    const [keeper = 0] = keepers(screen);
    const first = command(screen, 'first');
    process.kill(first, 'SIGSTOP');
    await screen.until(/Stopped[\s\S]*host# $/m);
    await inside(screen, 'second');
    await becomes(screen, /-opost/);
    const { modes } = screen;
    process.kill(first, 'SIGKILL');
    await ended(keeper);
    expect(screen.modes).toBe(modes);
    screen.type('exit 3');
    await screen.until(/host# $/m);
    screen.type('echo code=$?; exit');
    await screen.until(/^code=3$[\s\S]*^ended$/m);
    await screen.isUnchanged();
  });

  test('stopped by SIGTSTP and continued, then killed', async () => {
    const screen = await open();
    await inside(screen);
    const own = command(screen);
    const [keeper = 0] = keepers(screen);
    process.kill(own, 'SIGTSTP');
    await screen.until(/Stopped[\s\S]*host# $/m);
    await screen.isUnchanged();
    screen.clear();
    screen.type('fg');
    await becomes(screen, /-icanon/);
    expect(keepers(screen)).toEqual([keeper]);
    screen.type('echo out""put');
    await screen.until(/^output$/m);
    process.kill(own, 'SIGKILL');
    await screen.until(/host# $/m);
    await screen.isUnchanged();
  });

  test('what does it has two files and no signal, and ends with the command', async () => {
    const screen = await open();
    await inside(screen);
    const [keeper = 0, ...others] = keepers(screen);
    expect(others).toEqual([]);
    const files = readdirSync(`/proc/${keeper}/fd`).map(fd =>
      readlinkSync(`/proc/${keeper}/fd/${fd}`).replace(/\d+/g, 'N'),
    );
    expect(files).toEqual(['pipe:[N]', '/dev/pts/N']);
    expect(readlinkSync(`/proc/${keeper}/cwd`)).toBe('/');
    for (const name of ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGTSTP'] as const) {
      process.kill(keeper, name);
    }
    screen.type('exit 3');
    await screen.until(/host# $/m);
    await ended(keeper);
    await screen.isUnchanged();
  });

  test('where that is killed, the command does it all the same', async () => {
    const screen = await open();
    await inside(screen, 'inside', '; echo code=$?');
    const [keeper = 0] = keepers(screen);
    process.kill(keeper, 'SIGKILL');
    await ended(keeper);
    screen.type('exit 3');
    await screen.until(/^code=3$/m);
    await screen.isUnchanged();
  });
});

/** ' ' where it is gone. */
function stateOf(process: number): string {
  try {
    return /\) (\S)/.exec(readFileSync(`/proc/${process}/stat`, 'latin1'))?.[1] ?? ' ';
  } catch {
    return ' ';
  }
}
