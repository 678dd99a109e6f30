import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { binding } from '../../src/base/binding.ts';
import {
  isType,
  kindOf,
  kinds,
  maskOf,
  threadKinds,
  typesIn,
} from '../../src/base/namespace-types.ts';

const names = kinds.map(kind => kind.name);

test('the table has the types of this kernel, each once', () => {
  const ofKernel = readdirSync('/proc/self/ns').filter(name => !name.endsWith('_for_children'));
  expect(names).toEqual(expect.arrayContaining(ofKernel));
  expect(new Set(names).size).toBe(8);
});

test.each(kinds)('the kernel calls $name by the flag of the table', ({ name, flag }) => {
  const fd = binding.openNamespace(`/proc/self/ns/${name}`);
  expect(fd).toBeGreaterThan(2);
  const type = binding.getType(fd);
  binding.close(fd);
  expect(type).toBe(flag);
});

test('user comes first, and mnt after all whose paths it would change', () => {
  expect(names[0]).toBe('user');
  expect(names.indexOf('mnt')).toBeGreaterThan(names.indexOf('net'));
});

test('a thread can be in net, uts, ipc and cgroup; of the others the table says why not', () => {
  expect(threadKinds.map(kind => kind.name).sort()).toEqual(['cgroup', 'ipc', 'net', 'uts']);
  for (const name of ['mnt', 'pid', 'time', 'user'] as const) {
    expect(kindOf[name].refusal).toMatch(/^cannot be joined by a thread of Node \(.+\)$/);
  }
});

test('masks and lists are the same thing', () => {
  expect(maskOf(['net', 'uts'])).toBe(0x44000000);
  expect(typesIn(0x44000000)).toEqual(['uts', 'net']);
  expect(typesIn(maskOf(names))).toEqual(names);
  expect(maskOf([])).toBe(0);
  expect(typesIn(0)).toEqual([]);
});

test.each(['network', 'constructor', '__proto__', '', 1, null, undefined, ['net']])(
  '%j is no type',
  value => {
    expect(isType(value)).toBe(false);
  },
);
