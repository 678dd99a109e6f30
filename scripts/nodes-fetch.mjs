/** A Node of each major version, from npm, kept for the next time. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { claimCache } from './cache.mjs';

/** The program, from a package that is nothing but that and has no install script. */
export function fetchNode(major) {
  const cache = claimCache('nodes');
  const name = `node-linux-${process.arch}`;
  const folder = join(cache, major);
  const program = join(folder, 'node_modules', name, 'bin', 'node');
  if (!existsSync(program)) {
    console.log(`Fetching Node ${major}`);
    mkdirSync(folder, { recursive: true });
    const options = [
      '--no-save',
      '--no-audit',
      '--no-fund',
      '--ignore-scripts',
      '--prefix',
      folder,
    ];
    execFileSync('npm', ['install', ...options, `${name}@${major}`], { stdio: 'inherit' });
  }
  return program;
}
