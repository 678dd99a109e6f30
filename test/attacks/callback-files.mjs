// Case: fs.promises in a callback writes the sysctls of the host, and reads its name.
import fs from 'node:fs';

const { createNamespaces } = await import(process.env.LINUX_NAMESPACES ?? '../../lib/index.js');
const times = Number(process.argv[2] ?? 10);
const ttl = '/proc/sys/net/ipv4/ip_default_ttl';
const hostname = '/proc/sys/kernel/hostname';
const read = path => fs.readFileSync(path, 'utf8').trim();
const own = read(ttl);
const lab = await createNamespaces(['net', 'uts'], { hostname: 'blue' });
let won = 0;
for (let i = 0; i < times; i++) {
  let name;
  await lab.run(async () => {
    await fs.promises.writeFile(ttl, String(70 + (i % 9)));
    name = await fs.promises.readFile(hostname, 'utf8');
  });
  if (read(ttl) !== own || name !== 'blue\n') won++;
  fs.writeFileSync(ttl, own);
}
lab.close();
console.log(`won ${won} of ${times}`);
process.exitCode = won === 0 ? 0 : 1;
