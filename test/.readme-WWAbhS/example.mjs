import { once } from 'node:events';
import http from 'node:http';
import os from 'node:os';
import { createNamespaces } from 'linux-namespaces';

const lab = await createNamespaces(['net', 'uts'], { hostname: 'blue', loopback: true });
const server = http.createServer((_, response) => response.end(`hello from ${os.hostname()}`));
await lab.run(() => once(server.listen(8080, '127.0.0.1'), 'listening'));

const ask = async () => (await fetch('http://127.0.0.1:8080')).text();
console.log('inside: ', await lab.run(ask));
console.log('outside:', await ask().catch(error => error.cause.code));
server.close();
