/** Changes of inputs, repeated by a seed: of bytes anywhere, and of what is in a JSON document. */
import { pick } from '../random.mjs';

const bytes = [0, 1, 2, 3, 4, 8, 0x0a, 0x20, 0x2d, 0x2f, 0x3d, 0x5b, 0x5c, 0x7f, 0x80, 0xfe, 0xff];
const words = [
  '__proto__',
  'constructor',
  '=',
  '\0',
  '--',
  '/..',
  '\\012',
  '\xff',
  '-1',
  '4294967295',
  ')',
];

/** @param others inputs to take parts from */
export function mutateBytes(input, others, random) {
  let one = Buffer.from(input);
  for (let i = 1 + random(6); i > 0; i--) {
    const at = random(one.length + 1);
    const kind = random(8);
    if (kind === 0 && at < one.length) one[at] ^= 1 << random(8);
    else if (kind === 1 && at < one.length) one[at] = random(256);
    else if (kind === 2 && at < one.length) one[at] = pick(bytes, random);
    else if (kind === 3) one = Buffer.concat([one.subarray(0, at), one.subarray(at + random(16))]);
    else if (kind === 4)
      one = splice(one, at, Buffer.from(Array.from({ length: random(24) }, () => random(256))));
    else if (kind === 5) one = splice(one, at, Buffer.from(pick(words, random), 'latin1'));
    else if (kind === 6) one = one.subarray(0, at);
    else {
      const other = pick(others, random);
      const start = random(other.length + 1);
      one = splice(one, at, other.subarray(start, start + random(64)));
    }
  }
  return one.subarray(0, 1 << 17);
}

function splice(one, at, part) {
  return Buffer.concat([one.subarray(0, at), part, one.subarray(at)]);
}

const extremes = [
  null,
  true,
  '',
  '0',
  '/',
  '../../etc',
  'a\0b',
  0,
  -1,
  1.5,
  1e300,
  2 ** 53,
  [],
  {},
  [[]],
  [null],
  'x'.repeat(5000),
];

/** A document with some of what is in it exchanged, doubled, renamed or gone. */
function mutateValue(value, random, depth = 0) {
  if (random(12) === 0) return pick(extremes, random);
  if (Array.isArray(value)) {
    const list = value.map(one => (random(4) === 0 ? mutateValue(one, random, depth + 1) : one));
    if (random(8) === 0) list.push(...list);
    return list;
  }
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).flatMap(([name, one]) => {
      const what = random(16);
      const changed = random(3) === 0 ? mutateValue(one, random, depth + 1) : one;
      if (what === 0) return [];
      if (what === 1)
        return [[pick(['__proto__', 'constructor', 'toString', `${name}\0`, ''], random), changed]];
      return [[name, changed]];
    });
    return Object.defineProperties(
      {},
      Object.fromEntries(entries.map(([name, one]) => [name, own(one)])),
    );
  }
  if (typeof value === 'string' && value.length > 0 && random(3) > 0) {
    const at = random(value.length);
    return value.slice(0, at) + pick(words, random) + value.slice(at + random(3));
  }
  if (typeof value === 'number')
    return pick([value + 1, -value, value * 2 ** 31, String(value), value / 3], random);
  return value;
}

const own = value => ({ value, enumerable: true, configurable: true, writable: true });

/** `{ path: text }`, of which each text may be a document itself. */
export function mutateState(input, others, random) {
  let tree;
  try {
    tree = JSON.parse(input);
  } catch {
    return mutateBytes(input, others, random);
  }
  const entries = Object.entries(tree).map(([path, text]) => {
    let changed = String(text);
    if (random(3) > 0) {
      try {
        changed = JSON.stringify(mutateValue(JSON.parse(text), random));
      } catch {
        changed = mutateBytes(Buffer.from(changed), others, random).toString('latin1');
      }
    } else if (random(3) === 0) {
      changed = mutateBytes(Buffer.from(changed), others, random).toString('latin1');
    }
    return [random(30) === 0 ? `${path}/more` : path, changed];
  });
  return Buffer.from(JSON.stringify(Object.fromEntries(entries)));
}
