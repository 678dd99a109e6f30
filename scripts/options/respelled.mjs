/**
 * The same options in other words: in another order, twice, grouped, cut short, with their values attached
 * or not; and lines without `--` before the program.
 */
import { pick, shuffled } from '../random.mjs';

/** Letters that take no value, so that they can stand in a group. */
const flags = {
  enter: /^-[aecF]$/,
  run: /^-[muinpCUTfrc]$/,
  ls: /^-[JnuWPrl]$/,
};

/** `known`: the long options of the tool. */
export function respelled(command, items, random, known) {
  let all = random(2) === 0 ? items : shuffled(items, random(2 ** 31));
  all = all.flatMap(item => (random(10) === 0 ? [item, item] : [item]));
  all = all.map(item => otherwise(item, random, known));
  return grouped(command, all, random);
}

function otherwise(item, random, known) {
  const [, name, equals, value] = /^--([a-z-]+)([=\0]?)(.*)$/s.exec(item) ?? [];
  if (name !== undefined) {
    const cut = random(3) === 0 ? short(name, random, known) : name;
    // A value that may be left out has to be attached.
    const between = equals === '\0' ? pick(['\0', '='], random) : equals;
    return `--${cut}${between}${value}`;
  }
  const [, letter, rest] = /^-([a-zA-Z])\0(.+)$/s.exec(item) ?? [];
  return letter !== undefined && random(2) === 0 ? `-${letter}${rest}` : item;
}

/** So short that it still is unique there, or a letter shorter. */
function short(name, random, known) {
  let length = 1;
  const others = [...known].filter(other => other !== name);
  while (length < name.length && others.some(other => other.startsWith(name.slice(0, length)))) {
    length++;
  }
  return name.slice(0, Math.max(1, length - (random(6) === 0 ? 1 : 0)));
}

function grouped(command, items, random) {
  const out = [];
  for (const item of items) {
    const last = out.at(-1);
    const goesOn = flags[command].test(item) && /^-[a-zA-Z]+$/.test(last ?? '');
    if (goesOn && [...last.slice(1)].every(letter => flags[command].test(`-${letter}`))) {
      if (random(2) === 0) {
        out[out.length - 1] = last + item.slice(1);
        continue;
      }
    }
    out.push(item);
  }
  return out;
}
