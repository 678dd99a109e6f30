/**
 * npm start                 Two labs and the outside, asked at the same time from this one process.
 * npm start -- PID|NAME     The inside of a process, or of a container: see look.mjs.
 */
import { once } from 'node:events';
import { readlinkSync } from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import { createNamespaces, NamespaceError, openNamespaces } from 'linux-namespaces';
import { interfaces, table } from './format.mjs';
import { look } from './look.mjs';
import { targetOf } from './target.mjs';

const needs =
  'To create namespaces and to run code inside them, CAP_SYS_ADMIN is needed: run it as root. Without it, `npm start -- PID` still tells which namespaces of a process of yours differ from ours.';
const usualPort = 8080;
const outside = { name: 'outside', run: (fn, ...args) => fn(...args) };

/** The network namespace of the thread that runs this line. */
const place = () => Number(readlinkSync('/proc/thread-self/ns/net').match(/\d+/)[0]);

async function labs() {
  const all = [outside];
  try {
    for (const name of ['red', 'blue']) {
      const handle = await createNamespaces(['net', 'uts'], { hostname: name, loopback: true });
      all.push({ name, handle, run: (fn, ...args) => handle.run(fn, ...args) });
    }
    await compare(all);
    reportSwitches(all[1].handle);
  } finally {
    for (const at of all) {
      at.server?.close();
      at.server?.closeAllConnections();
      at.handle?.close();
    }
  }
}

async function compare(all) {
  const home = place();
  for (const at of all) at.inode = at.handle?.inode('net') ?? home;
  for (const at of all) at.server = await at.run(serve);
  const port = outside.server.address().port;
  if (port !== usualPort) console.log(`Port ${usualPort} is taken outside: ${port} there.\n`);

  // One process, one thread, three places at once; `at` and `visit` are ordinary closures.
  const visits = await Promise.all(
    all.map(async at => {
      const before = place();
      const visit = at.run(ask, at.server.address().port);
      const meanwhile = place();
      return { before, meanwhile, ...(await visit), after: place() };
    }),
  );
  report(all, visits);
  const right = all.every((at, i) => isRight(visits[i], at.inode, home));
  console.log(
    right
      ? `\nEvery line ran where it belongs: ${all.map(at => `${at.name} is ${at.inode}`).join(', ')}.`
      : '\nWRONG: a line ran where it does not belong.',
  );
  if (!right) process.exitCode = 1;
}

/** An HTTP server where this is called: it tells who answered, and where. */
async function serve() {
  const answer = () => JSON.stringify({ text: `hello from ${os.hostname()}`, place: place() });
  const listen = async port => {
    const server = http.createServer((_, response) => response.end(answer()));
    await once(server.listen(port, '127.0.0.1'), 'listening');
    return server;
  };
  return await listen(usualPort).catch(error => {
    if (error.code !== 'EADDRINUSE') throw error;
    return listen(0);
  });
}

async function ask(port) {
  const first = place();
  const response = await fetch(`http://127.0.0.1:${port}`);
  const { text, place: server } = /** @type {any} */ (await response.json());
  const found = { hostname: os.hostname(), interfaces: interfaces(), text };
  return { first, server, later: place(), port, ...found };
}

const isRight = (visit, inside, home) =>
  [visit.first, visit.server, visit.later].every(inode => inode === inside) &&
  [visit.before, visit.meanwhile, visit.after].every(inode => inode === home);

function report(all, visits) {
  console.log(`Asked at the same time, by process ${process.pid} on one thread:\n`);
  console.log(
    table([
      ['where', 'hostname', 'asked', 'answer'],
      ...visits.map(({ hostname, port, text }, i) => [
        all[i].name,
        hostname,
        `127.0.0.1:${port}`,
        text,
      ]),
    ]),
  );
  console.log('\nThe interfaces that each saw:\n');
  console.log(table(visits.flatMap((visit, i) => shorten(all[i].name, visit.interfaces))));
  const row = (words, key) => [words, ...visits.map(visit => visit[key])];
  console.log('\nIn which network namespace each line ran (/proc/thread-self/ns/net):\n');
  console.log(
    table([
      ['', ...all.map(at => at.name)],
      row('before the callback', 'before'),
      row('the callback, first line', 'first'),
      row('meanwhile, the line after the call', 'meanwhile'),
      row('the server, answering', 'server'),
      row('the callback, after await', 'later'),
      row('after the callback', 'after'),
    ]),
  );
}

/** A host of containers has hundreds of interfaces. */
function shorten(name, interfaces) {
  const rows = interfaces.slice(0, 5).map((found, i) => [i === 0 ? name : '', ...found]);
  const more = interfaces.length - rows.length;
  return more > 0 ? [...rows, ['', `and ${more} more`, '']] : rows;
}

function reportSwitches(handle) {
  const net = openNamespaces(handle, ['net']);
  console.log(
    `A switch there and back took ${microseconds(net)} us with net, ${microseconds(handle)} us with net and uts (median of 20 x 5,000).`,
  );
  net.close();
}

function microseconds(handle) {
  const nothing = () => {};
  const rounds = Array.from({ length: 20 }, () => {
    const start = process.hrtime.bigint();
    for (let i = 0; i < 5000; i++) handle.run(nothing);
    return Number(process.hrtime.bigint() - start) / 5000 / 1000;
  });
  return rounds.sort((a, b) => a - b)[10].toFixed(1);
}

try {
  const [name] = process.argv.slice(2);
  if (name === undefined) await labs();
  else look(await targetOf(name));
} catch (error) {
  if (error.code === 'EPERM') console.error(needs);
  else if (error instanceof NamespaceError || /^ERR_INVALID_ARG/.test(error.code)) {
    console.error(error.message);
  } else throw error;
  process.exitCode = 1;
}
