// Forged answers of netlink: it wins when listSockets believes one, fails for one, or does not end. A run
// is as many lists as it takes to win, sixty at most. See spoof.c.
import { spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { asUser, compile, innermost, library, report, start } from './harness.mjs';

const [, , runs = '10', inside] = process.argv;
if (inside === undefined) {
  // Most of a list is to find whose the sockets are, and that is not attacked: with a /proc of its own
  // there are few processes to look at.
  const own = ['-mpf', '--kill-child', '--mount-proc', process.execPath];
  const again = [fileURLToPath(import.meta.url), runs, 'inside'];
  const { status } = spawnSync('unshare', [...own, ...again], { stdio: 'inherit' });
  process.exit(status ?? 1);
}

const { listSockets } = library;
const spoof = compile('spoof');
const alone = ['unshare', '-Urnpf', '--kill-child', '--mount-proc'];

await report(async run => {
  const attacker = await start(...asUser, ...alone, spoof, '900', `${(run % 2) + 1}`);
  const pid = innermost(attacker.pid);
  let won = false;
  for (let i = 0; i < 60 && !won; i++) {
    const list = listSockets(pid).then(
      sockets =>
        sockets.some(({ protocol, local }) => protocol !== 'unix' && local.port === 0xdead),
      () => true,
    );
    won = await Promise.race([list, sleep(15_000, true)]);
  }
  attacker.kill('SIGKILL');
  return won;
});
