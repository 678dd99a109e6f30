import { expect, test } from 'vitest';
import { script } from '../shared/script.ts';

/** A callback that is mostly inside, on the main thread, and a child of ours that lives outside. */
const busy = `
  import { spawn } from 'node:child_process';
  import { Worker } from 'node:worker_threads';
  const { processTree, listNamespaces, namespacesOf, sameNamespaces } = library;
  const child = spawn('sleep', ['60']);
  const pids = [process.pid, child.pid];
  let stop = false;
  const spin = () => { const end = Date.now() + 3; while (Date.now() < end); };
  const turning = lab.run(async () => {
    while (!stop) {
      spin();
      await new Promise(resolve => setTimeout(resolve, 0));
    }
  });
  const find = (nodes, pid) => {
    for (const node of nodes) {
      const found = node.pid === pid ? node : find(node.children, pid);
      if (found) return found;
    }
  };
`;

/** Where this process is said to be, wrongly: an empty list is right. */
const look = `
  const tree = await processTree();
  const wrong = pids.flatMap(pid => find(tree, pid).differs.map(type => 'tree: ' + type));
  const rows = await listNamespaces({ types: ['net', 'uts'] });
  for (const row of rows) {
    const isLab = [inside, uts].includes(row.inode);
    if (isLab && row.processes > 0) wrong.push('list: ' + row.type + ' has processes');
    if (!isLab && row.holders.some(one => one.by === 'thread' && one.pid === pids[0])) wrong.push('list: threads of ours elsewhere');
    if (isLab && !row.holders.some(one => one.by === 'fd' && one.pid === pids[0])) wrong.push('list: nobody holds it');
  }
  if (!rows.some(row => row.inode === home && row.processes >= 2)) wrong.push('list: not at home');
`;

test.each([
  ['outside', `for (let i = 0; i < 12; i++) await step();`],
  ['inside', `await lab.run(async () => { for (let i = 0; i < 12; i++) await step(); });`],
])(
  'processTree and listNamespaces, asked %s, show where this process lives',
  async (_where, steps) => {
    const ended = await script(`${busy}
    const uts = lab.inode('uts');
    const seen = new Set();
    const step = async () => {
      ${look}
      for (const one of wrong) seen.add(one);
    };
    try {
      ${steps}
    } finally {
      stop = true;
      await turning;
      child.kill();
    }
    say(JSON.stringify([...seen]));
  `);
    expect(ended.err).toBe('');
    expect(ended.out).toEqual(['[]']);
  },
);

test('a Worker that asks while the main thread is in a callback is told the same', async () => {
  const ended = await script(`${busy}
    const code = \`
      (async () => {
      const { parentPort, workerData } = require('node:worker_threads');
      const { processTree, listNamespaces } = await import('linux-namespaces');
      const { pids, inside, uts, home } = workerData;
      const find = \${find};
      const seen = new Set();
      for (let i = 0; i < 12; i++) {
        ${look.replaceAll('`', '\\`').replaceAll('${', '\\${')}
        for (const one of wrong) seen.add(one);
      }
      parentPort.postMessage([...seen]);
      })();
    \`;
    try {
      const worker = new Worker(code, {
        eval: true,
        execArgv: [],
        workerData: { pids, inside, uts: lab.inode('uts'), home },
      });
      const seen = await new Promise((resolve, reject) => worker.on('message', resolve).on('error', reject));
      say(JSON.stringify(seen));
    } finally {
      stop = true;
      await turning;
      child.kill();
    }
  `);
  expect(ended.err).toBe('');
  expect(ended.out).toEqual(['[]']);
});

test('outside moved by a raw call is where it lives from then on', async () => {
  const ended = await script(`
    const { setns } = await import('linux-namespaces/syscalls');
    const { listNamespaces } = library;
    const where = async () => {
      const rows = await listNamespaces({ types: ['net'], holders: false });
      const pid = rows.find(row => row.inode === inside)?.processes ?? 0;
      return pid > 0 ? 'inside' : 'home';
    };
    const words = [await where()];
    setns(lab.fd('net'), 'net');
    words.push(await where());
    const other = await createNamespaces(['net']);
    const asked = other.run(async () => { await sleep(1); return where(); });
    words.push(await where(), await asked);
    say(words.join(' '));
    process.exit();
  `);
  expect(ended.err).toBe('');
  expect(ended.out).toEqual(['home inside inside inside']);
});
