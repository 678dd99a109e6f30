// What a container has written is counted as Docker does it, and nothing beside it, whatever lies there.
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { layerSizes } from '../../../src/cli/layer-size.ts';
import type { Container } from '../../../src/containers/container.ts';

let folder: string;
let layer: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'linux-namespaces-layer-'));
  layer = join(folder, 'diff');
  mkdirSync(layer);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const owner = process.geteuid?.() ?? 0;
const sizeOf = (more: object = {}) =>
  layerSizes([{ engine: 'docker', owner, rootfs: `${folder}/merged`, ...more } as Container])[0];

test('the lengths of all files, each once; no directory, and nothing that a link leads to', () => {
  const { length } = '/usr';
  mkdirSync(join(layer, 'a/b'), { recursive: true });
  writeFileSync(join(layer, 'one'), 'x'.repeat(1000));
  linkSync(join(layer, 'one'), join(layer, 'a/again'));
  writeFileSync(join(layer, 'a/b/hole'), '');
  truncateSync(join(layer, 'a/b/hole'), 1_000_000);
  symlinkSync('/usr', join(layer, 'a/usr'));
  writeFileSync(Buffer.concat([Buffer.from(`${layer}/`), Buffer.of(0xff)]), '12');
  mkdirSync(Buffer.concat([Buffer.from(`${layer}/`), Buffer.of(0xfe)]));
  writeFileSync(Buffer.concat([Buffer.from(`${layer}/`), Buffer.of(0xfe, 0x2f, 0xfd)]), '345');
  expect(sizeOf()).toEqual({ bytes: 1000 + 1_000_000 + length + 2 + 3, isWhole: true });
});

test('an empty layer, one that is not there, and one that is a link', () => {
  expect(sizeOf()).toEqual({ bytes: 0, isWhole: true });
  expect(sizeOf({ rootfs: `${folder}/none/merged` })).toBeUndefined();
  mkdirSync(join(folder, 'other'));
  symlinkSync('/usr', join(folder, 'other/diff'));
  expect(sizeOf({ rootfs: `${folder}/other/merged` })).toBeUndefined();
});

test('of an engine of another user, and of one that keeps it elsewhere, nothing', () => {
  expect(sizeOf({ owner: 54321 })).toBeUndefined();
  expect(sizeOf({ engine: 'containerd' })).toBeUndefined();
  expect(sizeOf({ rootfs: folder })).toBeUndefined();
  expect(sizeOf({ rootfs: undefined })).toBeUndefined();
});

test('what lies too deep is not counted, and said', () => {
  let path = layer;
  for (let depth = 0; depth < 300; depth++) path += '/d';
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, 'deep'), 'x');
  writeFileSync(join(layer, 'above'), 'xx');
  expect(sizeOf()).toEqual({ bytes: 2, isWhole: false });
});
