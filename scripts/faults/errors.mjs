/**
 * Which of the four errors a system call can give, by its page in section 2 of the manual and what the
 * kernel's code adds to that: memory that is not to be had, and FUSE, which can be interrupted in
 * whatever is done to a file. What is not here gives none of them.
 */

const [again, interrupted, memory, files] = ['EAGAIN', 'EINTR', 'ENOMEM', 'EMFILE'];

/** @type {[string[], string][]} */
const groups = [
  [[interrupted, memory, files], 'open openat accept4'],
  [[again, interrupted, memory, files], 'openat2'],
  // EAGAIN is no failure of it: nothing is there.
  [[interrupted, memory, files], 'recvmsg'],
  [
    [again, interrupted, memory],
    'read pread64 readv write pwrite64 writev sendfile sendto sendmsg recvfrom connect',
  ],
  [
    [interrupted, memory],
    `fstat newfstatat stat lstat statx statfs fstatfs readlink readlinkat getdents64 access faccessat mkdir
    mkdirat mknodat unlink unlinkat rmdir rename renameat renameat2 link linkat symlink symlinkat chmod
    fchmod fchmodat chown fchown fchownat utimensat truncate ftruncate fallocate fsync fdatasync
    copy_file_range getxattr lgetxattr fgetxattr setxattr lsetxattr fsetxattr listxattr llistxattr flistxattr
    removexattr name_to_handle_at poll ppoll keyctl`,
  ],
  [
    [memory],
    `setns unshare mount umount2 pivot_root chroot chdir getcwd mount_setattr setgroups setresgid capset prctl
    bind setsockopt statmount listmount move_mount fsconfig`,
  ],
  [
    [memory, files],
    'ioctl socket socketpair pipe2 pipe memfd_create close_range open_tree fsopen fsmount pidfd_open',
  ],
  [[files, interrupted], 'dup dup2 dup3'],
  [[files], 'fcntl pidfd_getfd'],
  [[again, memory], 'clone clone3 fork vfork setresuid'],
  [[again, memory, files], 'execve execveat'],
  [[interrupted], 'wait4 waitid'],
];

const byCall = new Map(
  groups.flatMap(([errors, calls]) => calls.split(/\s+/).map(call => [call, errors])),
);

/** @param site as supervisor.c names it: the call is its last word. */
export function possibleErrors(site) {
  return byCall.get(site.split(' ').at(-1)) ?? [];
}

export const allErrors = [again, interrupted, memory, files];
