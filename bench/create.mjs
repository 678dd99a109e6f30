// What new namespaces cost: creation and removal of each type, ours beside unshare(1); named networks,
// ours beside `ip netns`; and 1,000 of them, first to last. Needs root, util-linux and iproute2.
// node bench/create.mjs [runs] [networks]
import { spawn as nodeSpawn } from 'node:child_process';
import { once } from 'node:events';
import { createNamespaces, networks, spawn } from 'linux-namespaces';
import { interleave } from './measure.mjs';

const runs = Number(process.argv[2] ?? 20);
const many = Number(process.argv[3] ?? 1000);
const letters = {
  cgroup: '-C',
  ipc: '-i',
  mnt: '-m',
  net: '-n',
  pid: '-p',
  time: '-T',
  user: '-U',
  uts: '-u',
};

async function timed(work) {
  const start = process.hrtime.bigint();
  await work();
  return Number(process.hrtime.bigint() - start) / 1e3;
}

async function ended(child) {
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`exit code ${code}`);
}

const us = value => `${value.toFixed(0)} us`;
const rows = {};
for (const type of /** @type {import('linux-namespaces').NamespaceType[]} */ (
  Object.keys(letters)
)) {
  const letter = letters[type];
  const flags = type === 'pid' || type === 'time' ? [letter, '-f'] : [letter];
  const { handle, child, unshare, ratio } = await interleave(runs, {
    handle: () => timed(async () => (await createNamespaces([type])).close()),
    child: () => timed(() => ended(spawn('/bin/true', [], { unshare: [type], stdio: 'ignore' }))),
    unshare: () =>
      timed(() => ended(nodeSpawn('unshare', [...flags, '/bin/true'], { stdio: 'ignore' }))),
  });
  rows[type] = {
    'createNamespaces + close': us(handle),
    'spawn true, unshare': us(child),
    'child_process.spawn unshare true': us(unshare),
    'handle : unshare': ratio('handle', 'unshare').toFixed(2),
    'spawn : unshare': ratio('child', 'unshare').toFixed(2),
  };
}
console.table(rows);

const name = `bench-${process.pid}`;
const named = await interleave(runs, {
  ours: () =>
    timed(async () => {
      (await networks.create(name)).close();
      networks.remove(name);
    }),
  ip: () =>
    timed(async () => {
      await ended(nodeSpawn('ip', ['netns', 'add', name], { stdio: 'ignore' }));
      await ended(nodeSpawn('ip', ['netns', 'delete', name], { stdio: 'ignore' }));
    }),
});
console.log(
  `a named network made and removed: ours ${us(named.ours)}, ip netns ${us(named.ip)}, ratio ${named.ratio('ours', 'ip').toFixed(2)}`,
);

const times = [];
for (let i = 0; i < many; i++) {
  times.push(await timed(async () => (await networks.create(`${name}-${i}`)).close()));
}
const removals = [];
for (let i = 0; i < many; i++) {
  removals.push(await timed(() => networks.remove(`${name}-${i}`)));
}
const tenth = Math.ceil(many / 10);
const middle = list => us([...list].sort((a, b) => a - b)[list.length >> 1]);
for (const [what, list] of Object.entries({ made: times, removed: removals })) {
  console.log(
    `${many} named networks ${what}: first tenth ${middle(list.slice(0, tenth))}, last tenth ${middle(list.slice(-tenth))}`,
  );
}
