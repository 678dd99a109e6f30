/**
 * What this kernel has not, found by asking it and not by its version. Each is '' where it has it, and
 * otherwise what the title of a skipped test says in brackets. scripts/kernels.mjs knows which of its
 * kernels lack which: a probe that is wrong shows there.
 */
import { execFileSync } from 'node:child_process';
import { closeSync, readlinkSync } from 'node:fs';
import * as sys from 'linux-namespaces/syscalls';

function lacks(what: string, attempt: () => void): string {
  try {
    attempt();
    return '';
  } catch {
    return what;
  }
}

function withFd<T>(fd: number, use: (fd: number) => T): T {
  try {
    return use(fd);
  } finally {
    closeSync(fd);
  }
}

/** NS_GET_ID: the id of a namespace that is never given again. */
export const noIds = lacks('NS_GET_ID, Linux 6.18', () =>
  withFd(sys.openNamespace('/proc/self/ns/net'), sys.nsId),
);

/** PIDFD_GET_*_NAMESPACE: namespaces without /proc. */
export const noPidfdNamespaces = lacks('PIDFD_GET_NET_NAMESPACE, Linux 6.11', () =>
  withFd(sys.pidfdOpen(process.pid), pidfd => closeSync(sys.pidfdNamespace(pidfd, 'net'))),
);

/** A pidfd of a thread. */
export const noThreadPidfds = lacks('PIDFD_THREAD, Linux 6.9', () =>
  closeSync(sys.pidfdOpen(process.pid, sys.PIDFD_THREAD)),
);

/** A new time namespace is entered by exec, not by fork alone. */
export const noTimeByExec = lacks('time by exec, Linux 6.3', () => {
  const link = execFileSync('unshare', ['--time', 'readlink', '/proc/self/ns/time']);
  if (`${link}`.trim() === readlinkSync('/proc/self/ns/time')) throw new Error('it is ours');
});

/** mount_setattr(2), which `tools` needs; asked for a mount of no file. Its number is that of every processor. */
export const noTools = lacks('mount_setattr, Linux 5.12', () =>
  execFileSync('perl', ['-MErrno', '-e', 'syscall(442, -1, 0, 0, 0, 0); exit $!{ENOSYS}']),
);
