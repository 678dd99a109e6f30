/* What the addon hands to the launcher, and what the launcher says back: both ends of one socket,
 * and a page of memory for the processes that the launcher forks.
 *
 * Behind the request is one byte more, which is left unread. So where the launcher's end closes
 * with an exec, or because it was killed, the kernel gives ECONNRESET at the other
 * (unix_release_sock); the plain end of the stream comes only from a launcher that has failed, and
 * found no way to report it. Shared by spawn.cc (C++) and launcher.c (C without a library). */
#pragma once
#include <stdint.h>

#define LAUNCH_JOINS 16   /* seven types, the user namespace of each, and the one below them */
#define LAUNCH_CGROUPS 32 /* hierarchies */
#define LAUNCH_HELPERS                                                       \
  7 /* the uint32_t of a struct launch_create at which its two helpers begin \
     */
#define LAUNCH_MOST \
  196608 /* bytes; has to fit the buffer of a unix socket (net.core.wmem_default) */

/* Bits of `flags`. */
#define LAUNCH_SETSID 1u
#define LAUNCH_FOREIGN 2u      /* root or mnt is another's: cwd is checked to be in it */
#define LAUNCH_FORK_JOINED 4u  /* pid was joined: only a child of ours is in it */
#define LAUNCH_FORK_CREATED 8u /* pid or time was created: the same */
#define LAUNCH_GROUPS 16u
#define LAUNCH_GROUPS_TRY 32u /* clear them where that is allowed */
#define LAUNCH_GID 64u
#define LAUNCH_UID 128u
#define LAUNCH_ROOT_INSIDE 256u /* uid and gid 0, where they exist in the user namespace */
#define LAUNCH_CAPS 512u
#define LAUNCH_CAPS_AT_MOST 1024u /* without those that we lack */
#define LAUNCH_NO_NEW_PRIVS 2048u
#define LAUNCH_UMASK 4096u
#define LAUNCH_DIE_WITH_PARENT 8192u
#define LAUNCH_NO_DEBUGGER 16384u   /* of preload.c: SIGUSR1 does not open Node's */
#define LAUNCH_NEW_KEYRING 32768u   /* a session keyring of its own */
#define LAUNCH_IN_PLACE 65536u      /* Node itself has become the launcher: in_place.h */
#define LAUNCH_FORWARD 131072u      /* in place: who waits for the program hands signals on to it */
#define LAUNCH_HAS_TERMINAL 262144u /* 0, 1 and 2 are a new terminal, that of its session */
#define LAUNCH_KEEP_MODES 524288u   /* nothing is executed: it puts our terminal back, modes.h */
#define LAUNCH_SIGNAL_AS_CODE 1048576u /* in place: who waits ends with 128 and the signal */

/* The fixed part. Offsets count from its start, 0 meaning "none"; strings end with a zero byte. */
struct launch {
  uint32_t size; /* of everything */
  uint32_t flags;
  uint32_t unshare;             /* CLONE_NEW* */
  int32_t joins[LAUNCH_JOINS];  /* fds in the order of joining; -1: none. First user namespaces, of
                                   which each is below the one before it */
  uint32_t types[LAUNCH_JOINS]; /* their CLONE_NEW* */
  int32_t root;                 /* fd of a directory, -1: none */
  int32_t directory;            /* fd of the working directory, -1: none, or by `cwd` */
  int32_t cgroups[LAUNCH_CGROUPS]; /* fds of cgroup.procs, -1: none */
  int32_t parent;                  /* fd of /proc/TID/stat of the thread that clones, -1: none */
  int32_t parent_pid;              /* of its process */
  int32_t parent_signal;           /* what the program gets then: LAUNCH_DIE_WITH_PARENT */
  int32_t forks;                   /* fd of a struct launch_forks; -1: it does not fork */
  int32_t devices;                 /* fd of our /dev, for a terminal; -1: none */
  uint16_t columns, rows;          /* of the terminal */
  int32_t helper_output;           /* fd for the stderr of programs that map ids; -1: none */
  uint32_t uid[3];                 /* real, effective, saved */
  uint32_t gid[3];
  uint32_t umask;
  uint64_t inheritable;
  uint64_t permitted;
  uint64_t effective;
  uint64_t bounding;
  uint64_t ambient;
  uint64_t ignored; /* signals that the program is to ignore: the lowest bit is number 1 */
  uint64_t blocked;
  uint64_t open_files; /* in place: the soft RLIMIT_NOFILE; 0: as it is */
  uint32_t failed;     /* in place: the exit code where a step fails before the exec */
  uint32_t stdio_count;
  uint32_t groups_count;
  uint32_t stdio;     /* offset of int32_t[stdio_count]: fd of ours for each, -1: closed */
  uint32_t groups;    /* offset of uint32_t[groups_count] */
  uint32_t file;      /* offset of a string: the program */
  uint32_t root_path; /* offset of a string */
  uint32_t cwd;       /* offset of a string */
  uint32_t create;    /* offset of a struct launch_create, create.h */
  uint32_t kept; /* in place: offset of int32_t[kept_count], ascending: what stays where it is */
  uint32_t kept_count;
  uint32_t nonblocking; /* in place: bits 0 to 2: O_NONBLOCK of these descriptors */
  uint32_t words;       /* in place: offset of a struct launch_words */
  uint32_t limits;      /* offset of uint64_t[16][2]: soft and hard, by the numbers of resources */
  uint32_t oom_score;   /* offset of a string: oom_score_adj */
  uint32_t label;       /* offset of a string: what is written for the label of a security module */
  uint32_t label_file;  /* offset of a string: to which file of /proc/self */
};

enum launch_step {
  LAUNCH_NOTHING, /* nothing is said */
  LAUNCH_RECEIVE,
  LAUNCH_SETNS,
  LAUNCH_UNSHARE,
  LAUNCH_CLONE,
  LAUNCH_DUP,
  LAUNCH_CLOSE_RANGE,
  LAUNCH_NEW_SESSION,
  LAUNCH_FCHDIR,
  LAUNCH_CHROOT,
  LAUNCH_CHDIR,
  LAUNCH_GETCWD,
  LAUNCH_CAPBSET_DROP,
  LAUNCH_KEEPCAPS,
  LAUNCH_SETGROUPS,
  LAUNCH_SETGID,
  LAUNCH_SETUID,
  LAUNCH_CAPSET,
  LAUNCH_AMBIENT,
  LAUNCH_NNP,
  LAUNCH_PDEATHSIG,
  LAUNCH_CGROUP,
  LAUNCH_EXEC,
  LAUNCH_CHECK,
  LAUNCH_ENTERED, /* no failure: preload.c hands over to Node, in the types of `detail` */
  LAUNCH_KEYRING,
  LAUNCH_CREATE, /* detail: which step, enum create_step */
  LAUNCH_READY,  /* no failure: the namespaces are made, and held */
  LAUNCH_MMAP,
  LAUNCH_TERMINAL, /* no failure: with a file, the other end of the terminal (SCM_RIGHTS) */
  LAUNCH_OPENAT2,
  LAUNCH_IOCTL,
  LAUNCH_SENDMSG,
  LAUNCH_LABEL,
  LAUNCH_PRLIMIT,
  LAUNCH_STEPS
};

/* `detail` of LAUNCH_EXEC where the file is there, and ENOENT means another that it needs. */
enum launch_missing {
  LAUNCH_MISSING_PROGRAM,
  LAUNCH_MISSING_INTERPRETER, /* named behind #! */
  LAUNCH_MISSING_LOADER,      /* named in the ELF file */
  LAUNCH_MISSING_EITHER       /* it may be executed and not read */
};

struct launch_report {
  int32_t step;
  int32_t error;  /* -errno */
  int32_t detail; /* of setns: the CLONE_NEW* flag; of capabilities: the number; of LAUNCH_EXEC:
                     enum launch_missing; of LAUNCH_CGROUP: which; of LAUNCH_ENTERED: CLONE_NEW* */
};

/* In place nobody is there to hear a report: what it says then, in the words of the command. Of the
 * first of them that fits; `detail` -1 and `error` 0 fit all. `text` is an offset from the start of
 * this: two strings, between which the name of the error comes if the first ends with a space.
 * Words of LAUNCH_NOTHING are these names. src/child/launch-words.ts writes it. */
struct launch_word {
  int32_t step;
  int32_t detail;
  int32_t error;
  uint32_t text;
};
struct launch_words {
  uint32_t count;
  struct launch_word words[];
};

/* A page that the launcher shares with the addon, and with nothing that it forks. The kernel itself
 * writes the pid of a fork here, before the forked process runs: it has to say nothing, so it needs
 * no way to say it, and whoever stops it hides nothing. */
#define LAUNCH_FORKS 2
struct launch_forks {
  int32_t pid[LAUNCH_FORKS];   /* the second was forked by the first; 0: none */
  int32_t over;                /* a futex: 1 when nothing more is written here */
  struct launch_report failed; /* in a joined pid namespace; LAUNCH_NOTHING: nothing has */
};
