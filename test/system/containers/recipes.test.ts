// Each recipe of docs/debug.md, as it stands there, in a container of Docker's called web that has busybox and
// nothing else: it shows what it is about. Beside it are a database and a server with a certificate.
import { execFileSync, spawn } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { listSockets, withNamespaces } from 'linux-namespaces';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Docker, isNewer, missing, startDocker } from '../../engines/index.ts';
import { seconds } from '../../timeouts.ts';
import { noTools } from '../shared/kernel.ts';
import { hasProgram } from '../shared/support.ts';

const root = join(import.meta.dirname, '../../..');
const page = readFileSync(join(root, 'docs/debug.md'), 'utf8');
const recipes = page.slice(page.indexOf('## Recipes'));
const lines = [...recipes.matchAll(/^ {4}(linux-namespaces .*)$/gm)].map(([, line]) => `${line}`);

/**
 * A JDK that is whole below /usr: Debian's has its configuration in /etc. The tools and the container
 * have the same one only where the engines are those of this machine.
 */
const jdk = (existsSync('/usr/lib/jvm') && !isNewer ? readdirSync('/usr/lib/jvm') : [])
  .map(name => `/usr/lib/jvm/${name}`)
  .find(
    folder =>
      isBelowUsr(`${folder}/conf/security/java.security`) && isBelowUsr(`${folder}/bin/jstack`),
  );

function isBelowUsr(file: string): boolean {
  return existsSync(file) && realpathSync(file).startsWith('/usr/');
}

interface Shows {
  /** Programs of this machine that it takes. */
  readonly needs: readonly string[];
  readonly shows: RegExp;
  /** It goes on until it is interrupted. */
  readonly endless?: true;
}

/** In the order of the page; by a part that no other line has. */
const known: Record<string, Shows> = {
  'dig +short db': { needs: ['dig'], shows: /nameserver 127[\s\S]*^[\d.]+ +db$[\s\S]*^[\d.]+$/m },
  'trace=%network': { needs: ['strace'], shows: /connect\(\d+, .*5432/, endless: true },
  s_client: { needs: ['openssl'], shows: /subject=CN = api\.example\.com[\s\S]*self-signed/ },
  '--cacert': { needs: ['curl'], shows: /SSL certificate verify ok[\s\S]*HTTP\/1\.0 200/ },
  '-nltup': { needs: ['ss'], shows: /tcp +LISTEN .*:80 .*httpd/ },
  'state established': { needs: ['ss'], shows: /:5432/ },
  'strace -f -p 1': { needs: ['strace'], shows: /nanosleep\(/, endless: true },
  'strace -c': { needs: ['strace'], shows: /% time .*syscall[\s\S]*total/ },
  sysroot: { needs: ['gdb'], shows: /Thread 1 .*\n#0 / },
  tcpdump: { needs: ['tcpdump'], shows: /listening on any/, endless: true },
  'max-depth': { needs: ['du', 'sort'], shows: /2\.9M\t\/container\/var\/log$/m },
  'grep deleted': { needs: [], shows: /\/gone \(deleted\)/ },
  // It says pids on stdout and all else on stderr: either may come first.
  fuser: { needs: ['fuser'], shows: /^(?=[\s\S]*\b1\b)[\s\S]*root[ \d]+F\S+ sh$/m },
  'trace=write': { needs: ['strace'], shows: /write\(\d+<\/var\/log\/app\.log>/, endless: true },
  gcore: { needs: ['gcore'], shows: /Saved corefile \/container\/data\/core\.1/ },
  'linux-namespaces cp': { needs: ['gcore'], shows: /^$/ },
  jstack: { needs: [], shows: /"main"[\s\S]*Thread\.sleep/ },
  'kill -QUIT': { needs: [], shows: /^$/ },
};
const entryOf = (line: string) => Object.keys(known).find(name => line.includes(name));

test('every recipe is known here, and every one here is a recipe', () => {
  expect(lines.map(entryOf)).toEqual(Object.keys(known));
});

const folder = mkdtempSync(join(tmpdir(), 'linux-namespaces-recipes-'));
chmodSync(folder, 0o755); // for who runs as another user
const scratch = join(folder, 'scratch');
const packets = () => statSync(join(scratch, 'web.pcap'), { throwIfNoEntry: false })?.size ?? 0;
let docker: Docker;
const names: Socket[] = [];

/** Answers in a container's network whatever name it is asked for an IPv4 address. */
async function serveNames(pid: number, addresses: Record<string, string>): Promise<Socket> {
  const socket = withNamespaces(pid, ['net'], () => createSocket('udp4').bind(53, '127.0.0.1'));
  await once(socket, 'listening');
  socket.on('message', (query, { port, address }) => {
    const labels: string[] = [];
    let at = 12;
    for (let size = query[at++] ?? 0; size > 0; size = query[at++] ?? 0) {
      labels.push(query.toString('latin1', at, at + size));
      at += size;
    }
    const found = query.readUInt16BE(at) === 1 ? addresses[labels.join('.')] : undefined;
    const end = at + 4;
    const answer = Buffer.concat([
      query.subarray(0, 2),
      Buffer.from([0x81, 0x80, 0, 1, 0, found ? 1 : 0, 0, 0, 0, 0]),
      query.subarray(12, end),
      ...(found ? [Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4])] : []),
      Buffer.from(found?.split('.').map(Number) ?? []),
    ]);
    socket.send(answer, port, address);
  });
  return socket;
}

const absent = missing('dockerd') || noTools || (hasProgram('openssl') ? '' : 'openssl');
describe.skipIf(absent)(`in a container of Docker's [${absent || 'installed'}]`, () => {
  const isJava = (line: string) => /jstack|-QUIT/.test(line);

  beforeAll(async () => {
    docker = await startDocker();
    for (const name of ['scratch', 'data', 'bin']) mkdirSync(join(folder, name));
    const main = join(root, 'lib/cli.cjs');
    const command = `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`;
    writeFileSync(join(folder, 'bin/linux-namespaces'), command, { mode: 0o755 });
    const subject = [
      '-subj',
      '/CN=api.example.com',
      '-addext',
      'subjectAltName=DNS:api.example.com',
    ];
    const files = ['-keyout', join(folder, 'key.pem'), '-out', join(folder, 'cert.pem')];
    const made = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...subject, ...files];
    execFileSync('openssl', made, { stdio: 'ignore' });

    const database = ['nc', '-ll', '-p', '5432', '-e', 'cat'];
    await docker.start('--name=db', 'busybox:1', ...database);
    // Programs of this machine, for what busybox has not.
    const ours = ['-v', '/usr:/usr:ro', '-v', '/usr/lib:/lib:ro', '-v', '/usr/lib64:/lib64:ro'];
    const server = ['/usr/bin/openssl', 's_server', '-accept', '443', '-www', '-quiet'];
    const certificate = ['-cert', '/certificate/cert.pem', '-key', '/certificate/key.pem'];
    const api = ['--name=api.example.com', ...ours, '-v', `${folder}:/certificate:ro`];
    await docker.start(...api, 'busybox:1', ...server, ...certificate);

    const program = `mkdir -p /var/log; head -c 3000000 /dev/zero >/var/log/old; echo >/gone
      exec 5>>/var/log/app.log 6</gone; rm /gone; httpd -p 80
      until [ -e /data/go ]; do sleep 0.1; done; sleep 1000000 | nc db 5432 >/dev/null &
      while :; do echo a line >&5; echo | nc -w 1 db 5432 >/dev/null; sleep 0.2; done`;
    const mounts = [
      `${folder}/data:/data`,
      `${folder}/cert.pem:/etc/ssl/certs/ca-certificates.crt`,
    ];
    const web = ['--dns=127.0.0.1', '--name=web', ...mounts.flatMap(mount => ['-v', mount])];
    await docker.start(...web, 'busybox:1', 'sh', '-c', program);
    const { State } = await docker.inspect('web');
    const addresses: Record<string, string> = {};
    for (const name of ['db', 'api.example.com']) {
      addresses[name] = (await docker.inspect(name)).NetworkSettings.IPAddress;
    }
    names.push(await serveNames(State.Pid, addresses));
    writeFileSync(join(folder, 'data/go'), '');
    await vi.waitFor(
      async () => {
        const connected = await listSockets(State.Pid);
        expect(connected.map(({ state }) => state)).toContain('ESTAB');
      },
      { timeout: seconds(20), interval: 50 },
    );

    if (jdk === undefined) return;
    const source =
      'public class Wait { public static void main(String[] a) throws Exception { System.out.println("waits"); Thread.sleep(100000000L); } }';
    writeFileSync(join(folder, 'Wait.java'), source);
    const java = [...ours, '-v', `${folder}:/java:ro`, '--user=1000', '--name=java'];
    await docker.start(...java, 'busybox:1', `${jdk}/bin/java`, '/java/Wait.java');
    await vi.waitFor(async () => expect(await docker.docker('logs', 'java')).toBe('waits'), {
      timeout: seconds(20),
      interval: 100,
    });
  }, seconds(180));
  afterAll(async () => {
    for (const socket of names) socket.close();
    await docker?.stop();
    rmSync(folder, { recursive: true, force: true });
  }, seconds(60));

  test.for(lines.map(line => [line] as const))('%s', async ([line], { skip }) => {
    const { needs, shows, endless } = known[entryOf(line) as string] as Shows;
    const without = needs.filter(name => !hasProgram(name)).join(', ');
    skip(without !== '', without);
    skip(isJava(line) && jdk === undefined, 'a jdk');
    const filled = isJava(line)
      ? line.replace('/usr/local/jdk-21', `${jdk}`).replace(' web ', ' java ')
      : line;
    const child = spawn('sh', ['-c', filled], {
      cwd: scratch,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: `${folder}/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
        LANG: 'C.UTF-8',
        DOCKER_HOST: `unix://${docker.machine.root}/run/docker.sock`,
      },
    });
    const closed = once(child, 'close');
    let said = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', text => (said += text));
    }
    if (endless) {
      const isSeen = () => shows.test(said) && (!line.includes('web.pcap') || packets() > 24);
      const over = closed.then(() => true);
      while (!isSeen() && !(await Promise.race([over, sleep(20)]))) {}
      if (child.exitCode === null) process.kill(-(child.pid as number), 'SIGINT'); // as Ctrl-C
    }
    const [code] = await closed;
    expect(said).toMatch(shows);
    if (!endless && !line.includes('timeout')) expect([code, said]).toEqual([0, said]);
  });

  test.skipIf(!hasProgram('tcpdump'))('packets are in our file [needs tcpdump]', () => {
    expect(readFileSync(join(scratch, 'web.pcap')).readUInt32LE()).toBe(0xa1b2c3d4);
    expect(packets()).toBeGreaterThan(24);
  });

  test.skipIf(!hasProgram('gcore'))('the core is here [needs gcore]', () => {
    expect(readFileSync(join(scratch, 'core.1')).subarray(1, 4).toString()).toBe('ELF');
  });

  test.skipIf(jdk === undefined)(
    'a dump without a jdk is in its own output [needs a jdk]',
    async () => {
      let all = '';
      while (!/Full thread dump/.test(all)) {
        const { stdout, stderr } = await docker.try('logs', 'java');
        all = stdout + stderr;
      }
    },
  );
});
