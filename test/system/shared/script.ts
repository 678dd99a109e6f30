/** Runs a piece of ES module source in a Node of its own, for what would end or spoil the test's. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

const prelude = `
import fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import * as library from 'linux-namespaces';
const { createNamespaces, outside } = library;
const place = () => Number(fs.readlinkSync('/proc/thread-self/ns/net').slice(5, -1));
const say = (...words) => fs.writeSync(1, words.join(' ') + '\\n');
const home = place();
const lab = await createNamespaces(['net', 'uts'], { hostname: 'lab', loopback: true });
const inside = lab.inode('net');
const name = at => ({ [home]: 'home', [inside]: 'inside' })[at] ?? String(at);
const threads = () => fs.readdirSync('/proc/self/task').flatMap(tid => {
  try { return Number(fs.readlinkSync('/proc/self/task/' + tid + '/ns/net').slice(5, -1)); }
  catch { return []; } // it has ended
});
while (threads().includes(inside)) await sleep(1); // the thread that made it ends
const listening = () => fs.readFileSync('/proc/thread-self/net/tcp', 'latin1').split('\\n')
  .filter(line => line.trim().split(/\\s+/)[3] === '0A')
  .map(line => parseInt(line.trim().split(/\\s+/)[1].split(':')[1], 16));
`;

export interface Ended {
  out: string[];
  err: string;
  code: number | null;
  signal: NodeJS.Signals | null;
}

interface How {
  flags?: string[];
  /** A program to run Node under, such as strace with its options. */
  under?: string[];
  /** Called for each line that it says. */
  heard?: (line: string, child: ChildProcess) => void;
}

export async function script(source: string, how: How = {}): Promise<Ended> {
  const { flags = [], under = [], heard } = how;
  const node = [process.execPath, ...flags, '--input-type=module', '-e', prelude + source];
  const [file, ...args] = [...under, ...node] as [string, ...string[]];
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'], killSignal: 'SIGKILL' });
  let out = '';
  let err = '';
  child.stdout.on('data', data => {
    for (const line of String(data).trim().split('\n')) heard?.(line, child);
    out += data;
  });
  child.stderr.on('data', data => {
    err += data;
  });
  const [code, signal] = await once(child, 'close');
  return { out: out.split('\n').filter(Boolean), err, code, signal };
}
