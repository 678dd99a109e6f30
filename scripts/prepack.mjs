/**
 * Before npm makes a tarball, by pack or publish: without the binaries of both architectures, nobody who
 * installs it would have an addon but with a compiler. A dry run goes on.
 */
import { closeSync, openSync, readSync } from 'node:fs';

/** e_machine of elf(5). */
const machines = { x64: 62, arm64: 183 };

/** Of the folder that is packed, which is where npm runs this. */
function wrong(arch) {
  const path = `prebuilds/linux-${arch}/linux-namespaces.node`;
  const head = Buffer.alloc(20);
  try {
    const fd = openSync(path, 'r');
    readSync(fd, head, 0, head.length, 0);
    closeSync(fd);
  } catch {
    return `${path} is not there: npm run binaries:${arch}`;
  }
  const isElf = head.toString('latin1', 0, 4) === '\x7fELF';
  if (isElf && head.readUInt16LE(18) === machines[arch]) return undefined;
  return `${path} is not for ${arch}: npm run binaries:${arch}`;
}

const problems = Object.keys(machines).map(wrong).filter(Boolean);
for (const problem of problems) console.error(problem);
if (problems.length > 0 && process.env.npm_config_dry_run !== 'true') process.exit(1);
