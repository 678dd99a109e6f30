import os from 'node:os';
import { text } from 'node:stream/consumers';
import * as ns from 'linux-namespaces';

// A container's stand-in; for a real one: const web = await ns.findContainer('web')
const web = ns.spawn('sleep', ['60'], {
  unshare: ['net', 'uts', 'pid', 'mnt'],
  hostname: 'web',
  loopback: true,
  mountProc: true,
});

// 1. A closure of yours, in its hostname or its network: nsenter -u hostname
console.log('hostname  ', ns.withNamespaces(web, ['uts'], () => os.hostname()));

// 2. Its interfaces, ports and namespaces: ip -s addr, ss -nlptu, ls -l /proc/PID/ns
const [lo] = await ns.listInterfaces(web);
console.log('interfaces', lo?.name, lo?.addresses[0]?.address);
console.log('ports     ', (await ns.listSockets(web, { listening: true })).length);
console.log('own net   ', !ns.namespacesOf(web).net.ours);

// 3. A program in its namespaces, with its rights, pipes, signals and exit code: docker exec
const sh = ns.spawn('sh', ['-c', 'echo pid $$ on $(uname -n)'], { target: web });
console.log('program   ', (await text(sh.stdout)).trim());

// 4. JavaScript in all of its namespaces, with its rights, whatever its image holds
const inside = await ns.evaluate(web, 'all', async () => {
  const { readFile } = await import('node:fs/promises');
  return { first: (await readFile('/proc/1/comm', 'utf8')).trim(), uid: process.getuid?.() };
});
console.log('evaluated ', inside);

// 5. Its files, from outside; no link in it leads to one of ours: cat /proc/PID/root/...
const files = ns.openRoot(web);
console.log('file      ', (await files.readFile('/proc/1/comm', 'utf8')).trim());
files.close();

// 6. A sandbox: unshare -Urpmn --mount-proc, killed with this process
const sandbox = ns.spawn('sh', ['-c', 'echo /proc/[0-9]*'], {
  unshare: ['user', 'pid', 'mnt', 'net'],
  idMap: 'root',
  mountProc: true,
  killOnParentExit: true,
});
console.log('sandbox   ', (await text(sandbox.stdout)).trim());
web.kill('SIGKILL');
