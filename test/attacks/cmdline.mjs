// Command lines of 16 MiB of 45 processes: it wins when a list of processes fails for it, or takes more
// than 200 MiB. One run is one process of ours, which lists. See cmdline.c.
import { execFileSync } from 'node:child_process';
import { asUser, compile, report, start } from './harness.mjs';

await start(...asUser, compile('cmdline'), '16', '45');
const index =
  process.env.LINUX_NAMESPACES ?? new URL('../../lib/index.js', import.meta.url).pathname;
const script = `
  const { listNamespaces, listSockets, processTree } = await import(${JSON.stringify(index)});
  const { maxRSS } = process.resourceUsage();
  await processTree();
  await listNamespaces();
  await listSockets(process.pid);
  console.log(process.resourceUsage().maxRSS - maxRSS < 200 * 1024 ? 'held' : 'won');`;

await report(() => {
  try {
    const args = ['--input-type=module', '-e', script];
    return execFileSync(process.execPath, args, { encoding: 'utf8' }).trim() !== 'held';
  } catch {
    return true;
  }
});
