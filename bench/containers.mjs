/**
 * npm run bench -- containers: one container found by its name among a hundred, against its pid; ls, against lsns;
 * and all of a machine listed, against Docker's client asked for the same. Not among the rows that run by default:
 * to start 300 takes minutes. LSNS names another lsns.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { findContainer, listContainers } from 'linux-namespaces';
import { runnerImport } from 'vite';
import { file, interleave } from './measure.mjs';

const few = 100;
const count = Number(process.env.CONTAINERS ?? 300);
const [lsns, ...flags] = (process.env.LSNS ?? 'lsns').split(' ');
const client = ['sh', ['-c', 'docker ps -q | xargs docker inspect']];

export default async function measure() {
  const { module } = await runnerImport(file('../test/engines/index.ts'));
  const docker = await module.startDocker();
  try {
    await start(docker, 0, few);
    const byName = await measureNames(docker);
    await start(docker, few, count);
    const { root } = docker.machine;
    let longest = 0;
    const results = await interleave(10, {
      ours: async () => {
        const watch = watchLoop();
        const time = await timed(() => listContainers({ root }));
        longest = Math.max(longest, await watch.stop());
        return time;
      },
      client: () => timed(() => docker.machine.run(...client)),
    });
    const containers = await listContainers({ root });
    const inspected = JSON.parse(await docker.machine.run(...client));
    check(containers, inspected);
    const [ours, theirs] = [results.ours, results.client];
    const ratio = results.ratio('client', 'ours');
    return [
      ...byName,
      {
        what: `${count} containers listed, against docker ps -q | xargs docker inspect`,
        ours: `${ours.toFixed(0)} ms`,
        floor: `${theirs.toFixed(0)} ms`,
        ratio: `${ratio.toFixed(1)} x faster`,
        goal: '> 1 x',
        ok: ratio > 1 ? 'yes' : 'NO',
      },
      {
        what: '  the longest that the event loop had to wait meanwhile',
        ours: `${longest.toFixed(0)} ms`,
        floor: '',
        ratio: '',
        goal: '',
        ok: '',
      },
    ];
  } finally {
    await docker.stop();
  }
}

/** Of one of a hundred: by its name, and by its pid or its id; in the library, and by the command. */
async function measureNames({ machine }) {
  const { root } = machine;
  const { pid, id } = await findContainer('c50', { root });
  const command = file('../lib/cli.cjs');
  const enter = target =>
    timed(() => machine.run(process.execPath, [command, 'enter', '-t', target, '-u', 'true']));
  const results = await interleave(15, {
    name: () => timed(() => findContainer('c50', { root })),
    id: () => timed(() => findContainer(id, { root })),
    list: () => timed(() => listContainers({ root })),
    enterName: () => enter('c50'),
    enterPid: () => enter(`${pid}`),
    ls: () => timed(() => machine.run(process.execPath, [command, 'ls'])),
    lsns: () => timed(() => machine.run(lsns, flags)),
  });
  const ms = key => `${results[key].toFixed(1)} ms`;
  const enters = results.ratio('enterName', 'enterPid');
  const lists = results.ratio('ls', 'lsns');
  return [
    row('one of 100 by name, against all listed', 'name', 'list', '', ''),
    row('one of 100 by id, against all listed', 'id', 'list', '', ''),
    row('enter -t NAME of 100, against -t PID', 'enterName', 'enterPid', '<= 1.3', enters <= 1.3),
    row('ls with 100 containers, against lsns', 'ls', 'lsns', '< 1', lists < 1),
  ];

  function row(what, ours, floor, goal, ok) {
    const ratio = results.ratio(ours, floor).toFixed(2);
    const said = ok === '' ? '' : ok ? 'yes' : 'NO';
    return { what, ours: ms(ours), floor: ms(floor), ratio, goal, ok: said };
  }
}

async function start(docker, from, to) {
  const lacking = Array.from({ length: Math.max(0, to - from) }, (_, i) => `c${from + i}`);
  const one = async () => {
    for (let name = lacking.pop(); name; name = lacking.pop()) {
      await docker.start('--name', name, '--net=none', '--label', `name=${name}`, 'distroless:1');
    }
  };
  await Promise.all(Array.from({ length: 4 }, one));
}

async function timed(work) {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** How late a timer of a millisecond comes, at the most. */
function watchLoop() {
  let [longest, running, last] = [0, true, performance.now()];
  const loop = (async () => {
    while (running) {
      await sleep(1);
      longest = Math.max(longest, performance.now() - last - 1);
      last = performance.now();
    }
  })();
  return {
    stop: async () => {
      running = false;
      await loop;
      return longest;
    },
  };
}

/** They are about the same containers. */
function check(containers, inspected) {
  const pids = new Map(inspected.map(one => [one.Id, one.State.Pid]));
  const wrong = containers.filter(({ id, pid }) => pids.get(id) !== pid);
  if (containers.length !== inspected.length || wrong.length > 0) {
    throw new Error(`${containers.length} of ${inspected.length}, ${wrong.length} wrong`);
  }
}
