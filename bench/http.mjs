/** An HTTP server at home, while a context is alive elsewhere, and when none is any more. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { file, interleave, median, row } from './measure.mjs';

const pairs = 3;
const rounds = 5;

export default async () => {
  const results = [];
  // New processes for each: two of the same program differ a little for as long as they live.
  for (let i = 0; i < pairs; i++) results.push(await measure());
  const line = (what, name, base, least) => {
    const middle = key => median(results.map(result => result[key]));
    const ratio = median(results.map(result => result.ratio(name, base)));
    const rate = key => `${Math.round(middle(key))} req/s`;
    return row(what, rate(name), rate(base), ratio, `>= ${least}`, ratio >= least);
  };
  return [
    line('HTTP at home, a context alive', 'alive', 'never', 0.85),
    // 1, and what two medians of the same thing differ by.
    line('HTTP at home, none any more', 'after', 'never', 0.97),
  ];
};

async function measure() {
  const plain = await start();
  const used = await start();
  try {
    const during = async (server, state) => {
      await tell(server.process, state);
      return load(server.port);
    };
    return await interleave(rounds, {
      alive: () => during(used, 'alive'),
      never: () => during(plain, 'none'),
      after: () => during(used, 'none'),
    });
  } finally {
    plain.process.kill();
    used.process.kill();
  }
}

async function start() {
  const child = fork(file('http-server.mjs'), { execArgv: ['--expose-gc'] });
  const [port] = await once(child, 'message');
  return { process: child, port };
}

async function tell(child, state) {
  child.send(state);
  const [answer] = await once(child, 'message');
  if (answer !== state) throw new Error(`server: ${answer}`);
}

/** Requests per second. */
async function load(port) {
  const child = fork(file('http-load.mjs'), [String(port)]);
  const [rate] = await once(child, 'message');
  await once(child, 'exit');
  return rate;
}
