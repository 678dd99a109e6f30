/**
 * node examples/web-terminal/server.mjs [PORT]: the containers of this machine in a browser, each with a shell of its
 * own (exec) or of this machine (debug) in a tab. As root.
 *
 * It is a way to be root on this machine, so nobody else may use it: it listens on loopback alone, and only to who has
 * the token in the address that it prints. Other users of the machine have no token; other pages in the browser have
 * none either, say another Origin, or, with a name of their own for 127.0.0.1, another Host.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { findContainer, listContainers, spawn } from 'linux-namespaces';
import { WebSocketServer } from 'ws';

const token = randomBytes(32).toString('base64url');
/** Bytes that the page has not shown yet, above which the program has to wait. */
const mostUnread = 512 * 1024;
/** Bytes that may have been typed and not been read. Waiting here, we would not see that the tab is closed. */
const mostTyped = 16 * 1024 * 1024;
/** Milliseconds in which a shell may end by itself when its tab has been closed. */
const farewell = 2000;

const read = name => readFileSync(fileURLToPath(import.meta.resolve(name)));
const script = 'text/javascript; charset=utf-8';
const files = {
  '': ['text/html; charset=utf-8', read('./page.html')],
  'page.mjs': [script, read('./page.mjs')],
  'xterm.mjs': [script, read('@xterm/xterm/lib/xterm.mjs')],
  'addon-fit.mjs': [script, read('@xterm/addon-fit/lib/addon-fit.mjs')],
  'xterm.css': ['text/css; charset=utf-8', read('@xterm/xterm/css/xterm.css')],
};

// xterm.js writes style elements, which can load nothing here; of scripts there are only the files above.
const policy = [
  ...["default-src 'none'", "script-src 'self'", "connect-src 'self'"],
  ...["style-src 'self' 'unsafe-inline'", "require-trusted-types-for 'script'"],
  ...["base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"],
].join('; ');
const headers = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy': policy,
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
};

const server = createServer(async (request, response) => {
  const asked = whatIsAsked(request);
  if (asked === undefined) return answer(response, 403, 'text/plain', 'Forbidden\n');
  if (request.method !== 'GET') return answer(response, 405, 'text/plain', 'Only GET\n');
  if (asked.path === 'containers') {
    try {
      answer(response, 200, 'application/json', JSON.stringify(await containers()));
    } catch (error) {
      answer(response, 500, 'text/plain', error.message);
    }
    return;
  }
  const file = Object.hasOwn(files, asked.path) && files[asked.path];
  if (file) answer(response, 200, ...file);
  else answer(response, 404, 'text/plain', 'Not found\n');
});

const sockets = new WebSocketServer({ noServer: true, maxPayload: 1024 * 1024 });
server.on('upgrade', (request, socket, head) => {
  const asked = whatIsAsked(request);
  if (asked?.path !== 'terminal' || request.headers.origin !== `http://${request.headers.host}`) {
    socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n');
    return;
  }
  sockets.handleUpgrade(request, socket, head, connected => {
    openTerminal(connected, asked.query).catch(error => fail(connected, error));
  });
});

server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => {
  console.log(`http://${hosts()[0]}/${token}/`);
});

function hosts() {
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  return [`127.0.0.1:${port}`, `localhost:${port}`];
}

/**
 * What is below the token, from who has it.
 * @param {import('node:http').IncomingMessage} request
 */
function whatIsAsked({ url, headers }) {
  if (!hosts().includes(headers.host)) return undefined;
  const [, given, path, query] = /^\/([^/?]*)\/([^?]*)(?:\?(.*))?$/.exec(url) ?? [];
  return given !== undefined && isToken(given)
    ? { path, query: new URLSearchParams(query) }
    : undefined;
}

/** In the same time, whatever it is. */
function isToken(given) {
  const [one, other] = [given, token].map(text => createHash('sha256').update(text).digest());
  return timingSafeEqual(one, other);
}

function answer(response, status, type, body) {
  response.writeHead(status, { ...headers, 'Content-Type': type }).end(body);
}

async function containers() {
  const all = await listContainers();
  return all
    .filter(({ pid }) => pid !== undefined)
    .map(({ engine, id, name, image, state, owner }) => ({
      ...{ engine, name, image, state },
      key: owner === process.getuid() ? id : `${owner}:${id}`,
    }));
}

/** Binary messages are what is typed and what is written; the others are objects in JSON. */
async function openTerminal(socket, query) {
  socket.on('error', () => socket.terminate());
  socket.pause();
  const target = await findContainer(query.get('key') ?? '');
  const [columns, rows] = [Number(query.get('columns')), Number(query.get('rows'))];
  const child = start(target, query.get('kind'), { columns, rows, name: 'xterm-256color' });
  const { terminal } = child;
  const say = what => socket.send(JSON.stringify(what));

  let unread = 0;
  terminal.on('data', bytes => {
    socket.send(bytes);
    unread += bytes.length;
    if (unread > mostUnread) terminal.pause();
  });
  socket.on('message', (data, isBinary) => {
    try {
      if (isBinary) {
        terminal.write(data);
        if (terminal.writableLength > mostTyped) throw new Error('Nobody reads what is typed.');
      } else {
        const { shown, columns, rows } = JSON.parse(String(data));
        if (columns !== undefined) terminal.resize(columns, rows);
        if (shown !== undefined) unread -= shown;
        if (unread <= mostUnread) terminal.resume();
      }
    } catch (error) {
      fail(socket, error);
    }
  });

  child.on('error', error => fail(socket, error));
  // What it has left running may go on writing, until the tab is closed.
  child.on('exit', (code, signal) => say({ ended: signal ?? `exit code ${code}` }));
  terminal.on('error', error => fail(socket, error));
  terminal.on('close', () => socket.close());
  socket.on('close', () => {
    terminal.destroy(); // SIGHUP to all that it runs
    const timer = setTimeout(() => child.kill('SIGKILL'), farewell);
    child.once('exit', () => clearTimeout(timer));
  });
  socket.resume();
}

/** @param {import('linux-namespaces').TerminalOptions} terminal */
function start(target, kind, terminal) {
  if (kind === 'debug') {
    const env = {
      ...{ PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root', LANG: 'C.UTF-8' },
      PS1: `[debug ${target.name.replace(/[^\w.-]/g, '?')}] \\w \\$ `,
    };
    const cgroup = target.state === 'paused' ? undefined : 'target';
    return spawn('bash', [], { target, tools: true, cgroup, terminal, env });
  }
  if (target.state === 'paused') throw new Error('It is paused: nothing runs in it.');
  return spawn('/bin/sh', [], { target, cgroup: 'target', terminal, env: 'target' });
}

function fail(socket, error) {
  socket.send(JSON.stringify({ failed: error.message }), () => socket.close());
}
