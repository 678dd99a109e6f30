/**
 * npm run test:web [-- --pictures DIR]: examples/web-terminal in Debian's Chromium, on a container of runc's. Sessions
 * in the container and with the machine's tools, their size, end and back-pressure; and who is refused.
 *
 * Wants root, the built package, busybox, runc and chromium. Packages are those of the example's package-lock.json,
 * and are fetched when they are not there. Ends after three minutes, whatever happens.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { listSockets } from '../lib/index.js';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const example = join(root, 'examples/web-terminal');
const folder = mkdtempSync(join(tmpdir(), 'linux-namespaces-web-'));
const name = `web-terminal-${process.pid}`;
const pictures = process.argv[process.argv.indexOf('--pictures') + 1 || Infinity];
const most = 180_000;
/** Ends what there is to end, the last first. */
const endings = [];

function install() {
  const programs = ['chromium', 'busybox', 'runc'];
  const script = 'for name; do command -v "$name" >/dev/null || echo "$name"; done';
  const missing = execFileSync('sh', ['-c', script, 'sh', ...programs], { encoding: 'utf8' });
  if (missing) throw new Error(`Missing: ${missing.trim().split('\n').join(', ')}`);
  const [done, lock] = ['node_modules/.package-lock.json', 'package-lock.json'].map(file =>
    join(example, file),
  );
  if (existsSync(done) && statSync(done).mtimeMs >= statSync(lock).mtimeMs) return;
  const options = ['--ignore-scripts', '--no-audit', '--no-fund'];
  execFileSync('npm', ['ci', ...options], { cwd: example, stdio: 'inherit' });
}

/** Of busybox, with a terminal file system. */
function startContainer() {
  const image = join(folder, 'rootfs/bin');
  mkdirSync(image, { recursive: true });
  const busybox = execFileSync('sh', ['-c', 'command -v busybox'], { encoding: 'utf8' }).trim();
  copyFileSync(busybox, join(image, 'busybox'));
  for (const one of ['sh', 'sleep', 'stty', 'yes', 'hostname', 'ls']) {
    symlinkSync('busybox', join(image, one));
  }
  execFileSync('runc', ['spec'], { cwd: folder });
  const config = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'));
  config.process = { ...config.process, terminal: false, args: ['sleep', '1000000'] };
  config.process.env = ['PATH=/bin'];
  config.hostname = 'web';
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
  endings.push(() => execFileSync('runc', ['delete', '--force', name], { stdio: 'ignore' }));
  execFileSync('runc', ['run', '--detach', '--bundle', folder, name], { stdio: 'ignore' });
}

async function startServer() {
  const server = spawn(process.execPath, ['server.mjs'], {
    cwd: example,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  endings.push(() => server.kill());
  const [line] = await once(server.stdout, 'data');
  return { address: new URL(String(line).trim()), pid: server.pid };
}

/** @returns {Promise<{ status: number, body?: string }>} */
function ask(address, path, options = {}) {
  const { hostname, port, pathname } = address;
  const whole = path.startsWith('/') ? path : pathname + path;
  return new Promise((resolve, reject) => {
    const request = http.request({ hostname, port, path: whole, ...options }, response => {
      let body = '';
      response.setEncoding('utf8').on('data', text => {
        body += text;
      });
      response.on('end', () => resolve({ status: response.statusCode, body }));
    });
    request.on('upgrade', (response, socket) => {
      socket.destroy();
      resolve({ status: response.statusCode });
    });
    request.on('error', reject).end();
  });
}

const upgrade = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==',
};

/** Who is let in, and what the page may do. */
async function guards({ address, pid }) {
  const { origin, host, port } = address;
  const wrong = new URL(
    address.pathname.replace(/.\/$/, last => (last === 'A/' ? 'B/' : 'A/')),
    origin,
  );
  const status = async (...args) => (await ask(...args)).status;
  assert.equal(await status(address, ''), 200);
  assert.equal(await status(address, '', { headers: { Host: `localhost:${port}` } }), 200);
  for (const path of ['page.mjs', 'xterm.mjs', 'xterm.css', 'addon-fit.mjs', 'containers']) {
    assert.equal(await status(address, path), 200, path);
    assert.equal(await status(wrong, path), 403, path);
  }
  for (const path of [
    '/',
    '/page.mjs',
    '//',
    `/${'A'.repeat(43)}/`,
    '/..%2f',
    address.pathname.slice(0, -1),
  ]) {
    assert.equal(await status(address, path), 403, path);
  }
  for (const path of ['server.mjs', 'package.json', '__proto__', 'constructor', 'terminal']) {
    assert.equal(await status(address, path), 404, path);
  }
  assert.equal(await status(address, '', { method: 'POST' }), 405);
  for (const Host of [
    'evil.example',
    `evil.example:${port}`,
    '127.0.0.1',
    `127.0.0.1:${port}.evil.example`,
  ]) {
    assert.equal(await status(address, '', { headers: { Host } }), 403, Host);
  }
  const sockets = await listSockets(pid, { listening: true });
  const own = sockets.filter(({ processes }) => processes.some(process => process.pid === pid));
  assert.deepEqual(
    own.map(({ local }) => 'port' in local && `${local.address}:${local.port}`),
    [host],
  );

  const terminal = 'terminal?key=none&kind=exec&columns=80&rows=24';
  const at = headers => ({ headers: { ...upgrade, ...headers } });
  assert.equal(await status(address, terminal, at({ Origin: origin })), 101);
  for (const [where, headers] of [
    [wrong, { Origin: origin }],
    [address, {}],
    [address, { Origin: 'null' }],
    [address, { Origin: 'http://evil.example' }],
    [address, { Origin: `http://localhost:${port}` }],
    [address, { Origin: `http://evil.example:${port}`, Host: `evil.example:${port}` }],
  ]) {
    assert.equal(await status(where, terminal, at(headers)), 403, JSON.stringify(headers));
  }
}

/** One who does not read is waited for; one who types what nobody reads, or nonsense, is shown out. */
async function pressure({ address, pid }, key) {
  const { WebSocket } = createRequire(join(example, 'server.mjs'))('ws');
  const connect = async () => {
    const query = new URLSearchParams({ key, kind: 'exec', columns: '80', rows: '24' });
    const socket = new WebSocket(new URL(`terminal?${query}`, address.href.replace('http', 'ws')), {
      origin: address.origin,
    });
    await once(socket, 'open');
    return socket;
  };
  const socket = await connect();
  let received = 0;
  let last = '';
  socket.on('message', (data, isBinary) => {
    if (isBinary) received += data.length;
    last = String(data);
  });
  socket.send(Buffer.from('yes\n'));
  let before = -1;
  while (received < 512 * 1024 || received !== before) {
    before = received;
    await sleep(300);
  }
  assert.ok(received < 1024 * 1024, `${received} bytes were sent to who shows none`);
  socket.send(JSON.stringify({ shown: received }));
  const first = received;
  while (received < first + 512 * 1024) await once(socket, 'message');
  socket.close();
  await until('yes has ended with its tab', () => !commandsIn(pid).includes('yes'));

  const typist = await connect();
  typist.on('message', data => {
    last = String(data);
  });
  typist.send(Buffer.from('sleep 1000\n'));
  await until('sleep runs', () => commandsIn(pid).includes('sleep'));
  for (let i = 0; i < 20 && typist.readyState === WebSocket.OPEN; i++) {
    typist.send(Buffer.alloc(2 ** 20 - 1, 'x'));
  }
  if (typist.readyState !== WebSocket.CLOSED) await once(typist, 'close');
  assert.match(last, /Nobody reads/);
  await until('sleep has ended with its tab', () => !commandsIn(pid).includes('sleep'));

  for (const nonsense of ['{', '{"columns":0,"rows":1}', '{"columns":"1","rows":1}', 'null']) {
    const other = await connect();
    other.on('message', data => {
      last = String(data);
    });
    other.send(nonsense);
    await once(other, 'close');
    assert.match(last, /"failed"/, nonsense);
  }
}

/** What the server has started, and these. */
function commandsIn(pid) {
  const all = execFileSync('ps', ['-e', '-o', 'pid=,ppid=,comm='], { encoding: 'utf8' });
  const rows = all
    .trim()
    .split('\n')
    .map(line => line.trim().split(/\s+/));
  const below = parent =>
    rows.filter(row => row[1] === parent).flatMap(row => [row[2], ...below(row[0])]);
  return below(String(pid));
}

async function until(what, isSo) {
  while (!(await isSo())) await sleep(50, undefined, { signal: ended.signal });
  console.log(`ok     ${what}`);
}

async function browse({ address, pid }) {
  const { chromium } = createRequire(join(example, 'server.mjs'))('playwright-core');
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox'],
  });
  endings.push(() => browser.close());
  const page = await browser.newPage({ viewport: { width: 1100, height: 600 } });
  page.on('console', message => ended.abort(new Error(`The page says ${message.text()}`)));
  page.on('pageerror', error => ended.abort(error));
  page.setDefaultTimeout(most);
  await page.goto(address.href);
  const entry = page.locator('li', { hasText: name });
  await entry.getByText('runc').waitFor();

  const screen = page.locator('main .shown .xterm-rows');
  const shows = async words => {
    for (;;) {
      const text = (await screen.innerText()).replaceAll('\u00a0', ' ').replace(/ +$/gm, '');
      if (new RegExp(words, 'm').test(text)) return text;
      await sleep(50, undefined, { signal: ended.signal });
    }
  };
  const type = text => page.keyboard.type(`${text}\n`);

  await entry.getByRole('button', { name: 'exec' }).click();
  await shows('[#$]');
  await type('hostname; echo d""one');
  await shows('^web\ndone$');
  await type('stty size');
  const [, rows, columns] = /^(\d+) (\d+)$/m.exec(await shows('^\\d+ \\d+$'));
  await page.setViewportSize({ width: 800, height: 400 });
  await type('clear; ls -d /bin; stty size');
  const [, fewer, narrower] = /^(\d+) (\d+)$/m.exec(await shows('^/bin\n\\d+ \\d+$'));
  assert.ok(Number(fewer) < Number(rows) && Number(narrower) < Number(columns));
  console.log(`ok     exec, ${columns} x ${rows}, then ${narrower} x ${fewer}`);
  await page.setViewportSize({ width: 1100, height: 600 });

  await entry.getByRole('button', { name: 'debug' }).click();
  await shows('\\[debug web-terminal-\\d+\\] / #');
  await type('ls /container/bin; ps -p 1 -o comm=');
  await shows('busybox[\\s\\S]*^sleep$');
  console.log('ok     debug');
  if (pictures) await page.screenshot({ path: join(pictures, 'debug.png') });

  await type('yes | head -c 20000000; echo d""one; tput cols');
  await shows(`done\n\\d+$`);
  console.log('ok     20 MB of output, to the end');

  await page.locator('nav').getByText(`exec ${name}`, { exact: true }).click();
  await shows('^/bin$');
  await type('exit 3');
  await page.locator('nav').getByText('exit code 3').waitFor();
  await shows('\\[closed\\]');
  if (pictures) await page.screenshot({ path: join(pictures, 'exec.png') });
  await page.getByRole('button', { name: `close exec ${name}` }).click();
  await type('sleep 1000');
  await until('sleep runs', () => commandsIn(pid).includes('sleep'));
  await page.getByRole('button', { name: `close debug ${name}` }).click();
  await until('nothing runs when the tabs are closed', () => commandsIn(pid).length === 0);
  page.removeAllListeners('console'); // where it says what follows

  await page.goto(new URL(`/${'A'.repeat(43)}/`, address).href);
  assert.equal(await page.locator('body').innerText(), 'Forbidden\n');
  assert.equal(await page.locator('script').count(), 0);
  console.log('ok     a wrong token is refused');
}

const ended = new AbortController();
const timer = setTimeout(() => ended.abort(new Error(`Not done within ${most} ms`)), most);
const stopped = new Promise((_, reject) => {
  ended.signal.addEventListener('abort', () => reject(ended.signal.reason));
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, () => ended.abort(new Error(signal)));
  }
});

async function all() {
  install();
  execFileSync(join(root, 'node_modules/.bin/tsc'), ['-p', example], { stdio: 'inherit' });
  startContainer();
  const server = await startServer();
  await guards(server);
  console.log('ok     tokens, hosts and origins');
  const { body } = await ask(server.address, 'containers');
  const { key } = JSON.parse(body).find(container => container.name === name);
  await pressure(server, key);
  console.log('ok     who does not read, or types too much');
  await browse(server);
}

try {
  await Promise.race([all(), stopped]);
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  clearTimeout(timer);
  for (const end of endings.reverse()) await end();
  rmSync(folder, { recursive: true, force: true });
}
