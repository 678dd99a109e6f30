// Tables of names and numbers that C and TypeScript share, and those of the kernel: compared with the
// headers. Where one of the two has changed alone, a value would be taken for another.
import { existsSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { errnos } from '../../src/base/errnos.ts';
import { lookingLimits } from '../../src/base/limits.ts';
import { kindOf, kinds } from '../../src/base/namespace-types.ts';
import { capabilityNames } from '../../src/child/capabilities.ts';
import { launchFlags } from '../../src/child/launch-flags.ts';
import { launchSteps } from '../../src/child/launch-steps.ts';
import { stepFailure } from '../../src/create/failures.ts';
import { encode } from '../../src/create/launcher-request.ts';
import { createOptions, typeOfOption } from '../../src/create/options.ts';
import { operations } from '../../src/root/request.ts';

const native = join(import.meta.dirname, '../../native');
const withoutComments = (text: string) =>
  text.replace(/\/\*.*?\*\//gs, '').replace(/\/\/.*$/gm, '');
const read = (path: string) => withoutComments(readFileSync(join(native, path), 'utf8'));
const launch = read('launcher/launch.h');
const create = read('launcher/create.h');

/** NAME_OF_IT to nameOfIt. */
const camel = (name: string) =>
  name.toLowerCase().replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
const entriesOf = (text: string, start: RegExp) => {
  const body = new RegExp(`${start.source}[^{]*\\{([^}]*)\\}`).exec(text)?.[1];
  if (body === undefined) throw new Error(`there is no ${start.source}`);
  return body
    .split(/[,;]/)
    .map(entry => entry.trim())
    .filter(Boolean);
};
const fieldsOf = (text: string, struct: string) =>
  entriesOf(text, new RegExp(`struct ${struct}`)).map(field => field.split(/\s+/).at(-1) as string);
const flagsOf = (text: string, prefix: string) =>
  Object.fromEntries(
    [...text.matchAll(new RegExp(`#define ${prefix}(\\w+) (\\d+)u\\b`, 'g'))].map(
      ([, name, value]) => [camel(name as string), Number(value)],
    ),
  );

describe('launch.h', () => {
  test('flags', () => {
    const { caps, capsAtMost, ...others } = flagsOf(launch, 'LAUNCH_');
    expect({ ...others, capabilities: caps, capabilitiesAtMost: capsAtMost }).toEqual(launchFlags);
    expect(new Set(Object.values(launchFlags)).size).toBe(Object.keys(launchFlags).length);
  });

  test('each step has a name in report.cc, that of its system call', () => {
    const steps = entriesOf(launch, /enum launch_step/).map(name => name.replace('LAUNCH_', ''));
    expect(steps.pop()).toBe('STEPS');
    const names = entriesOf(read('child/report.cc'), /names\[LAUNCH_STEPS\] =/);
    expect(names.length).toBe(steps.length);
    expect(names.map(name => JSON.parse(name))).toEqual(launchSteps);
    const named = Object.fromEntries(
      steps.map((step, i) => [step, JSON.parse(names[i] as string)]),
    );
    expect(named).toMatchObject({
      NOTHING: '',
      RECEIVE: 'read',
      SETNS: 'setns',
      UNSHARE: 'unshare',
      CLONE: 'clone',
      CHROOT: 'chroot',
      GETCWD: 'getcwd',
      CAPBSET_DROP: 'prctl',
      SETGROUPS: 'setgroups',
      SETGID: 'setresgid',
      SETUID: 'setresuid',
      CAPSET: 'capset',
      NNP: 'prctl',
      CGROUP: 'write',
      EXEC: 'execve',
      KEYRING: 'keyctl',
      CREATE: 'create',
      MMAP: 'mmap',
    });
  });
});

describe('create.h', () => {
  test('struct launch_create: the order of its fields, and its flags', () => {
    const bytes = encode(
      ['user', 'uts', 'net', 'mnt', 'time'],
      {
        idMap: [{ inside: 7, outside: 0, length: 1 }],
        setgroups: 'allow',
        owner: { uid: 11, gid: 12 },
        hostname: 'name of host',
        domainname: 'name of domain',
        loopback: true,
        monotonic: 5,
        propagation: 'slave',
        mountProc: '/the/proc',
      },
      {
        hold: true,
        init: true,
        files: { user: '/first', time: '/last' },
        binfmt: { path: '/b', interp: ':x' },
      },
    ) as Uint8Array;
    const fields = fieldsOf(create, 'launch_create').flatMap(field => {
      const [, name, count] = /^(\w+)\[(\d+)\]$/.exec(field) ?? [];
      return name === undefined
        ? [field]
        : Array.from({ length: Number(count) }, (_, i) => `${name}${i}`);
    });
    const view = Buffer.from(bytes);
    const number = (name: string) => view.readUInt32LE(fields.indexOf(name) * 4);
    const text = (name: string) =>
      view.toString('utf8', number(name), view.indexOf(0, number(name)));
    const { hold, init, owner } = flagsOf(create, 'CREATE_');
    expect(number('flags')).toBe(Number(hold) | Number(init) | Number(owner));
    expect([number('owner_uid'), number('owner_gid'), number('loopback')]).toEqual([11, 12, 1]);
    expect(text('setgroups')).toBe('allow');
    expect(text('uid_map')).toMatch(/^7 0 1\n?$/);
    expect(text('gid_map')).toMatch(/^7 0 1\n?$/);
    expect(text('offsets')).toBe('monotonic 5 0\n');
    expect(text('hostname')).toBe('name of host');
    expect(text('domainname')).toBe('name of domain');
    expect(text('proc')).toBe('/the/proc');
    expect([text('files0'), number('files1'), text('files7')]).toEqual(['/first', 0, '/last']);
    expect([text('binfmt'), text('interp')]).toEqual(['/b', ':x']);
    expect(number('propagation')).toBe(defined('mount.h', 'MS_SLAVE'));
    // Texts lie behind all fields, the first right there.
    expect(number('setgroups')).toBe(fields.length * 4);
  });

  test('each step has its system call, and its advice, in failures.ts', () => {
    const { ENOSYS, EPERM, EINVAL, ERANGE } = errnos;
    const wanted: Record<
      string,
      [syscall: string, type?: string | undefined, errno?: number, advice?: RegExp]
    > = {
      PROC: ['open', undefined, EPERM, /\/proc is needed/],
      HELPER: ['clone', 'user'],
      OWNER_IDS: ['setresuid', 'user', EPERM, /options.owner/],
      SETGROUPS: ['write', 'user', EPERM, /setgroups is denied/],
      UID_MAP: ['write', 'user', EPERM, /CAP_SETUID/],
      GID_MAP: ['write', 'user', EPERM, /CAP_SETGID/],
      NEWUIDMAP: ['newuidmap', 'user', EPERM, /\/etc\/subuid/],
      NEWGIDMAP: ['newgidmap', 'user', EPERM, /\/etc\/subgid/],
      OFFSETS: ['write', 'time', ERANGE, /offset/],
      HOSTNAME: ['sethostname', 'uts'],
      DOMAINNAME: ['setdomainname', 'uts'],
      LOOPBACK: ['ioctl', 'net', EPERM, /CAP_NET_ADMIN/],
      PROPAGATION: ['mount', 'mnt', EINVAL, /no mount point/],
      ROOT: ['mount', 'mnt', EINVAL, /options.root/],
      PIVOT: ['pivot_root', 'mnt'],
      DETACH: ['umount2', 'mnt'],
      MOUNT_PROC: ['mount', 'mnt', EPERM, /a new \/proc/],
      MOUNT_BINFMT: ['mount', 'mnt', EPERM, /Linux 6.7/],
      INTERP: ['write', 'mnt', EINVAL, /no such line/],
      TOOLS_BASE: ['open', 'mnt', EINVAL, /options.tools/],
      TOOLS_CLONE: ['open_tree', 'mnt', EPERM, /CAP_SYS_ADMIN/],
      TOOLS_ATTRIBUTES: ['mount_setattr', 'mnt', ENOSYS, /Linux 5.12/],
      TOOLS_CONTAINER: ['open_tree', 'mnt', ENOSYS, /Linux 5.12/],
      TOOLS_MOUNT: ['move_mount', 'mnt', ENOSYS, /Linux 5.12/],
      TOOLS_FILE: ['openat', 'mnt'],
      BIND: ['mount', 'user', EPERM, /CAP_SYS_ADMIN/],
    };
    const steps = entriesOf(create, /enum create_step/).map(name => name.replace('CREATE_', ''));
    expect(steps).toEqual(Object.keys(wanted));
    steps.forEach((step, detail) => {
      const [syscall, type, errno = EPERM, advice] = wanted[step] ?? [];
      const error = stepFailure(errno, detail, {}, { created: [] });
      expect({ syscall: error.syscall, type: error.type }, step).toEqual({ syscall, type });
      if (advice !== undefined) expect(error.advice, step).toMatch(advice);
    });
  });

  test.each(['mnt', 'cgroup', 'user', 'pid'] as const)(
    'CLONE_NEW* that is written out: %s',
    type => {
      const text = read('launcher/join.h');
      const [, value] = new RegExp(`#define NEW_${type.toUpperCase()} (0x\\w+)u`).exec(text) ?? [];
      expect(Number(value)).toBe(kinds.find(({ name }) => name === type)?.flag);
    },
  );

  test('the file that keeps each type, in the order of the types', () => {
    const names = entriesOf(read('launcher/bind.c'), /kept\[FILES\] =/).map(name =>
      JSON.parse(name),
    );
    const wanted = kinds.map(({ name }) => name);
    expect(names.map(name => name.replace('_for_children', ''))).toEqual(wanted);
    const { BIND = 0 } = Object.fromEntries(
      entriesOf(create, /enum create_step/).map((name, i) => [name.replace('CREATE_', ''), i]),
    );
    const types = wanted.map(
      (_, i) => stepFailure(errnos.EEXIST, BIND + i, {}, { created: [] }).type,
    );
    expect(types).toEqual(wanted);
  });
});

test('by_thread.h: what can be asked of the types that a thread makes', () => {
  const fields = fieldsOf(read('create/by_thread.h'), 'Request').map(name =>
    name.replace(/\[.*/, ''),
  );
  const options = createOptions.filter(name => kindOf[typeOfOption[name]].refusal === undefined);
  expect(options).not.toEqual([]);
  for (const name of options) expect(fields.map(camel)).toContain(name);
});

test('operation.h: operations on the files of a container', () => {
  const names = entriesOf(read('root/operation.h'), /enum class Operation/).map(
    name => `${name.slice(1, 2).toLowerCase()}${name.slice(2)}`,
  );
  expect(names).toEqual(Object.keys(operations));
  expect(Object.values(operations)).toEqual([...names.keys()]);
});

test('limits.h: the bounds of a look, in its order', () => {
  const own = fieldsOf(read('inspect/limits.h'), 'Limits').map(name => camel(name.toUpperCase()));
  expect(own.pop()).toBe('network');
  const all = [...own, ...fieldsOf(read('inspect/netlink.h'), 'Limits')];
  const numbered = Object.fromEntries(all.map((name, i) => [name, 1000 + i]));
  expect([...lookingLimits(numbered)]).toEqual(all.map((_, i) => 1000 + i));
});

const headers = '/usr/include/linux';
const kernel = (file: string) => withoutComments(readFileSync(join(headers, file), 'utf8'));
/** `#define NAME 0x20`, `#define NAME (1<<19)` and the like. */
function defined(file: string, name: string): number {
  const value = new RegExp(`^#define\\s+${name}\\s+(\\S.*)$`, 'm').exec(kernel(file))?.[1] ?? '';
  const [, one, by] = /^\((\d+)\s*<<\s*(\d+)\)$/.exec(value.trim()) ?? [];
  return one === undefined ? Number(value) : Number(one) << Number(by);
}

describe.skipIf(!existsSync(headers))('the kernel’s headers [needs linux-libc-dev]', () => {
  test.each(kinds)('CLONE_NEW* of $name', ({ name, flag }) => {
    const word = { mnt: 'NS', user: 'USER' }[name as string] ?? name.toUpperCase();
    expect(defined('sched.h', `CLONE_NEW${word}`)).toBe(flag);
  });

  test('capabilities', () => {
    for (const [number, name] of capabilityNames.entries()) {
      expect(defined('capability.h', name), name).toBe(number);
    }
  });
});

test('errnos are those of this machine', () => {
  const known = constants.errno as Record<string, number>;
  for (const [name, errno] of Object.entries(errnos)) {
    if (known[name] !== undefined) expect(errno, name).toBe(-known[name]);
  }
});
