import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createNamespaces } from 'linux-namespaces';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const pages = { 'README.md': readme } as Record<string, string>;
pages['docs/callbacks.md'] = readFileSync(join(root, 'docs/callbacks.md'), 'utf8');
const isRoot = process.getuid?.() === 0;

/** Each block of code, with the block of output that follows it. */
const examples = Object.entries(pages).flatMap(([page, text]) =>
  [...text.matchAll(/```js\n(import .*?)```\n(.*?)```\n(.*?)```/gs)].map(([, code, , output]) => ({
    page,
    code: code as string,
    output: output as string,
  })),
);

/** Inodes differ from run to run; which of them are the same does not. */
function maskInodes(text: string): string {
  const seen: string[] = [];
  return text.replace(/\[\d{10}\]/g, inode => {
    if (!seen.includes(inode)) seen.push(inode);
    return `[inode ${seen.indexOf(inode)}]`;
  });
}

test('there are three examples with their output, and one that is in a file', () => {
  expect(examples).toHaveLength(3);
  expect(readme.match(/```js/g)).toHaveLength(3);
  const [, sandbox] = /```js\n(const sandbox .*?)```/s.exec(readme) ?? [];
  expect(readFileSync(join(root, 'examples/sandbox.mjs'), 'utf8')).toContain(sandbox);
});

test.skipIf(!isRoot).each(examples)(
  `$page: the example prints what is printed below it${isRoot ? '' : ' (needs root)'}`,
  async ({ code, output }) => {
    // In the package, for its own name; with a network of its own, so that its port is free.
    const folder = mkdtempSync(join(root, 'test/.readme-'));
    const file = join(folder, 'example.mjs');
    writeFileSync(file, code);
    using machine = await createNamespaces(['net'], { loopback: true });
    try {
      const { stdout, stderr } = await machine.run(() =>
        promisify(execFile)(process.execPath, [file], { timeout: 20_000 }),
      );
      expect(stderr).toBe('');
      expect(maskInodes(stdout)).toBe(maskInodes(output));
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);
