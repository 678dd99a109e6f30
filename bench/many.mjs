/** A thousand namespaces, a thousand callbacks at once: does a switch cost what it costs with one? */
import { setTimeout as sleep } from 'node:timers/promises';
import { createNamespaces } from 'linux-namespaces';
import { floor, interleave, perCall, row, us } from './measure.mjs';

const many = 1000;
const turns = 10;
const calls = 5_000;
const nothing = () => {};
const flat = 1.25;

export default async () => {
  const handles = [];
  try {
    while (handles.length < many) handles.push(await createNamespaces(['net']));
    return await measure(handles);
  } finally {
    for (const handle of handles) handle.close();
    // What lists namespaces after this is not to find a thousand more.
    globalThis.gc();
    await sleep(100);
  }
};

async function measure(handles) {
  const [first] = handles;
  const paths = handles.map(handle => `/proc/${process.pid}/fd/${handle.fd('net')}`);
  const ns = await interleave(21, {
    one: () => perCall(() => first.run(nothing), calls),
    many: () => perCall(i => handles[i % many].run(nothing), calls),
    floorOne: () => floor('switch', calls, paths[0]),
    floorMany: () => floor('switch', calls, ...paths),
    togetherOne: () => together(() => first),
    togetherMany: () => together(i => handles[i]),
  });
  const line = (what, more, one) => {
    const ratio = ns.ratio(more, one);
    return row(what, us(ns[more]), us(ns[one]), ratio, `<= ${flat}`, ratio <= flat);
  };
  return [
    line('1,000 callbacks at once, in 1,000 (floor: in one)', 'togetherMany', 'togetherOne'),
    line('1,000 in turn (floor: one)', 'many', 'one'),
    { ...line('  C, 1,000 in turn (floor: C, one)', 'floorMany', 'floorOne'), goal: '', ok: '' },
  ];
}

/** A thousand asynchronous callbacks that take turns; nanoseconds for a turn, which is in and out. */
async function together(handleOf) {
  const start = process.hrtime.bigint();
  const turn = async () => {
    for (let i = 0; i < turns; i++) await new Promise(resolve => setImmediate(resolve));
  };
  await Promise.all(Array.from({ length: many }, (_, i) => handleOf(i).run(turn)));
  return Number(process.hrtime.bigint() - start) / many / turns;
}
