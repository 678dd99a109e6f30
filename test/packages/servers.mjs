/** What the cases share: servers of the system's, started where the caller is, and small ones of Node's. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chownSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export const host = '127.0.0.1';

const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Until it takes connections at `port`; gives what ends it. */
export async function start(program, args, port, options = {}) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  running.add(child);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', data => {
      said = (said + data).slice(-2000);
    });
  }
  const exit = once(child, 'exit').then(() => {
    running.delete(child);
    return true;
  });
  await once(child, 'spawn');
  while (!(await isOpen(port))) {
    if (await Promise.race([exit, sleep(50, false)])) throw new Error(`${program}: ${said}`);
  }
  return async () => {
    child.kill(options.killSignal ?? 'SIGTERM');
    await exit;
  };
}

function isOpen(port) {
  return new Promise(resolve => {
    const socket = net.connect(port, host);
    const end = open => {
      socket.destroy();
      resolve(open);
    };
    socket.on('connect', () => end(true)).on('error', () => end(false));
  });
}

/** To its end. */
export function prepare(program, args, options) {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', ...options });
  if (status !== 0) throw new Error(`${program}: ${stdout}${stderr}`);
}

/** For servers that refuse to be root. */
export function give(path, uid, gid) {
  chownSync(path, uid, gid);
}

export async function listen(server, port) {
  server.listen(port, host);
  await once(server, 'listening');
  return async () => {
    server.closeAllConnections?.();
    server.close();
    await once(server, 'close');
  };
}

export const web = (side, port = 8080) =>
  listen(
    http.createServer((_request, response) => response.end(side.name)),
    port,
  );
