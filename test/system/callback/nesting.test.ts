import { AsyncResource } from 'node:async_hooks';
import dns from 'node:dns';
import { readFile } from 'node:fs/promises';
import os from 'node:os';
import timers from 'node:timers/promises';
import {
  createNamespaces,
  currentNamespaces,
  type Namespaces,
  outside,
  withNamespaces,
} from 'linux-namespaces';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { home, lab, openFds, place, withLoad } from '../shared/lab.ts';

let blue: Namespaces;
let green: Namespaces;
beforeAll(async () => {
  blue = await lab('blue');
  green = await lab('green');
});
afterAll(() => {
  blue.close();
  green.close();
});

test('nested contexts add up, the inner one winning', async () => {
  using hostname = await createNamespaces(['uts'], { hostname: 'inner' });
  const here = () => [place(), os.hostname()];
  const seen = await blue.run(async () => {
    const before = here();
    const within = await hostname.run(async () => {
      await timers.setTimeout(1);
      const both = here();
      const other = await green.run(async () => {
        await null;
        return here();
      });
      return [both, other, here()];
    });
    await timers.setTimeout(1);
    return [before, ...within, here()];
  });
  const [inBlue, inGreen] = [blue.inode('net'), green.inode('net')];
  expect(seen).toEqual([
    [inBlue, 'blue'],
    [inBlue, 'inner'],
    [inGreen, 'green'],
    [inBlue, 'inner'],
    [inBlue, 'blue'],
  ]);
  expect(here()[0]).toBe(home);
});

test('outside() leads out, and what it starts stays there', async () => {
  const seen = await blue.run(async () => {
    const timer = outside(async () => {
      await timers.setTimeout(2);
      return place();
    });
    const nested = outside(() => green.run(() => outside(place)));
    const back = place();
    return [outside(place), nested, back, await timer, place()];
  });
  expect(seen).toEqual([home, home, blue.inode('net'), home, blue.inode('net')]);
  expect(outside((a: number, b: number) => a + b, 1, 2)).toBe(3);
});

test('arguments, results, throws and rejections pass through', async () => {
  expect(withNamespaces(blue, ['net'], (a, b) => [a, b], 1, 'x')).toEqual([1, 'x']);
  const error = new Error('mine');
  expect(() =>
    blue.run(() => {
      throw error;
    }),
  ).toThrow(error);
  expect(place()).toBe(home);
  const rejected = blue.run(async () => {
    await null;
    throw error;
  });
  await expect(rejected).rejects.toBe(error);
  expect(place()).toBe(home);
  const nested = () =>
    blue.run(() => {
      try {
        green.run(() => {
          throw error;
        });
      } catch {
        return place();
      }
    });
  expect(nested()).toBe(blue.inode('net'));
});

test('currentNamespaces is a handle of its own', async () => {
  expect(currentNamespaces()).toBeUndefined();
  let kept: Namespaces | undefined;
  await blue.run(async () => {
    const mine = currentNamespaces() as Namespaces;
    expect(mine.inode('net')).toBe(blue.inode('net'));
    expect(currentNamespaces()).toBe(mine);
    mine.close();
    await null;
    expect(place()).toBe(blue.inode('net'));
    kept = currentNamespaces();
    expect(kept).not.toBe(mine);
    expect(outside(currentNamespaces)).toBeUndefined();
    using uts = await createNamespaces(['uts'], { hostname: 'x' });
    uts.run(() => {
      using union = currentNamespaces() as Namespaces;
      expect([...union.types].sort()).toEqual(['net', 'uts']);
      expect(union.inode('uts')).toBe(uts.inode('uts'));
    });
  });
  expect(kept?.run(place)).toBe(blue.inode('net'));
  kept?.close();
});

test('a handle may be closed while what it started goes on', async () => {
  const closing = await lab('closing');
  const inode = closing.inode('net');
  const after = closing.run(async () => {
    closing.close();
    await timers.setTimeout(5);
    return [place(), closing.types] as const;
  });
  await expect(after).rejects.toMatchObject({ code: 'EBADF' });
  const other = await lab('other');
  const late = other.run(() => timers.setTimeout(5).then(place));
  const there = other.inode('net');
  other.close();
  expect(await late).toBe(there);
  expect(inode).not.toBe(there);
});

test('1,000 contexts at once over 100 namespaces, and a busy world outside', async () => {
  const before = openFds();
  const labs = await Promise.all(
    Array.from({ length: 100 }, () => createNamespaces(['net'], { loopback: true })),
  );
  const inodes = labs.map(where => where.inode('net'));
  await withLoad(async () => {
    const runs = Array.from({ length: 1000 }, (_, i) => {
      const where = labs[i % labs.length] as Namespaces;
      return where.run(async () => {
        const places = [place()];
        for (let turn = 0; turn < 5; turn++) {
          await timers.setTimeout(i % 7);
          places.push(place());
          await timers.setImmediate();
          places.push(place());
          if (turn === 2) await dns.promises.lookup('localhost');
          if (turn === 3) await readFile('/proc/self/stat');
          places.push(place());
        }
        return places;
      });
    });
    const seen = await Promise.all(runs);
    const wrong = seen.filter((places, i) => places.some(at => at !== inodes[i % labs.length]));
    expect(wrong).toEqual([]);
  });
  for (const where of labs) where.close();
  expect(openFds().length).toBeLessThan(before.length + 410); // those of contexts not collected yet
});

/** A seeded generator (mulberry32), so that a failure can be repeated. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return below => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

test('random nesting of everything', async () => {
  const all = [blue, green, await lab('red')];
  const wrong: unknown[] = [];
  let checks = 0;
  const bound: [() => number, number][] = [];

  async function wander(dice: (below: number) => number, expected: number, depth: number) {
    const check = (label: string) => {
      checks++;
      if (place() !== expected) wrong.push([label, depth, expected, place()]);
    };
    for (let step = 0; step < 6; step++) {
      check('step');
      const next = dice(9);
      const where = all[dice(all.length)] as Namespaces;
      const deeper = () => wander(dice, where.inode('net'), depth + 1);
      if (next < 3 && depth < 5) {
        const inner = where.run(deeper);
        check('after run');
        if (next === 0) await inner;
        else void inner.catch(error => wrong.push(error));
      } else if (next === 3 && depth < 5) await outside(() => wander(dice, home, depth + 1));
      else if (next === 4) await timers.setTimeout(dice(3));
      else if (next === 5) await timers.setImmediate();
      else if (next === 6) bound.push([AsyncResource.bind(place), expected]);
      else if (next === 7) {
        const [enter, there] = bound[dice(bound.length || 1)] ?? [place, expected];
        checks++;
        if (enter() !== there) wrong.push(['bound', depth]);
      } else {
        try {
          where.run(() => {
            throw new Error();
          });
        } catch {
          check('after a throw');
        }
      }
      check('after the step');
    }
  }

  await withLoad(async () => {
    for (let seed = 1; seed <= 40; seed++) await wander(random(seed), home, 0);
    await timers.setTimeout(200);
  });
  expect(wrong).toEqual([]);
  expect(checks).toBeGreaterThan(5000);
  all[2]?.close();
});
