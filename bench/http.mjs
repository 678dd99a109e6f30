/** An HTTP server outside, while a context is alive elsewhere, and when none is any more. */
import { fork } from 'node:child_process';
import { on, once } from 'node:events';
import { file, interleave, median, row } from './measure.mjs';

const pairs = 2;
const rounds = 7;

export default async () => {
  const results = [];
  // New processes for each: two of the same program differ a little for as long as they live.
  for (let i = 0; i < pairs; i++) results.push(await measure());
  const line = (what, name, least) => {
    const middle = key => median(results.map(result => result[key]));
    const ratio = median(results.map(result => result.ratio(name, 'never')));
    const rate = key => `${Math.round(middle(key))}/s`;
    return row(what, rate(name), rate('never'), ratio, `>= ${least}`, ratio >= least);
  };
  return [
    line('HTTP outside, requests a CPU second, a context alive', 'alive', 0.85),
    // 1, and what two medians of the same thing differ by.
    line('  none any more', 'after', 0.97),
    { ...line("  Node's own share: hooks that do nothing", 'empty', 0), goal: '', ok: '' },
  ];
};

async function measure() {
  const [plain, used, hooked] = await Promise.all([start(), start(), start()]);
  try {
    const during = async (server, state) => {
      await tell(server.process, state);
      return load(server);
    };
    return await interleave(rounds, {
      alive: () => during(used, 'alive'),
      never: () => during(plain, 'none'),
      after: () => during(used, 'none'),
      empty: () => during(hooked, 'empty'),
    });
  } finally {
    for (const server of [plain, used, hooked]) server.process.kill();
  }
}

async function start() {
  const child = fork(file('http-server.mjs'), { execArgv: ['--expose-gc'] });
  const [port] = await once(child, 'message');
  return { process: child, port };
}

/** Gives the CPU time that the server has used so far, in microseconds. */
async function tell(child, state) {
  child.send(state);
  const [{ user, system }] = await once(child, 'message');
  return user + system;
}

/**
 * Requests for each second of the server's CPU time: what it would answer with a core to itself. The
 * requests in a second by the clock say more about what else the machine does.
 */
async function load(server) {
  const child = fork(file('http-load.mjs'), [String(server.port)]);
  const ended = once(child, 'exit');
  const messages = on(child, 'message');
  const mark = async () => {
    const { value } = await messages.next();
    return { answers: value[0], cpu: await tell(server.process, 'cpu') };
  };
  const before = await mark();
  const after = await mark();
  await ended;
  return (after.answers - before.answers) / ((after.cpu - before.cpu) / 1e6);
}
