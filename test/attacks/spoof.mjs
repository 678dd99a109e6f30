// Forged answers of netlink: it wins when listSockets believes one, fails for one, or does not end. A run
// is as many lists as it takes to win, sixty at most: against 0.1 that took 7 of them on average, 21 at most
// in 40 runs. See spoof.c.
import { setTimeout as sleep } from 'node:timers/promises';
import { asUser, compile, innermost, library, reportApart, start } from './harness.mjs';

const { listSockets } = library;
const spoof = compile('spoof');
const alone = ['unshare', '-Urnpf', '--kill-child', '--mount-proc'];

await reportApart(async run => {
  const attacker = await start(...asUser, ...alone, spoof, '900', `${(run % 2) + 1}`);
  const pid = innermost(attacker.pid);
  /** @type {string | false} */
  let won = false;
  for (let i = 0; i < 60 && !won; i++) {
    const list = listSockets(pid).then(
      sockets =>
        sockets.some(({ protocol, local }) => protocol !== 'unix' && local.port === 0xdead) &&
        'believed',
      error => error.message,
    );
    won = await Promise.race([list, sleep(15_000, 'not in 15 seconds')]);
    if (won) console.error(won);
  }
  attacker.kill('SIGKILL');
  return won !== false;
}, 3);
