// The system calls on namespaces, one function each. Knows nothing of JavaScript.
// Every function returns a value >= 0, or -errno. Every fd it opens is close-on-exec.
// Calls that older C libraries lack go through syscall(2), so that one binary serves them all.
#pragma once
#include <cstdint>

namespace sys {

int pidfd_open(int pid, unsigned flags);                 // Linux 5.3; pidfd_open(2)
int pidfd_namespace(int pidfd, int type);                // Linux 6.11; ioctl_pidfd(2)
int pidfd_children_namespace(int pidfd, int type);       // pid, time: that of its children to come
int open_directory(const char* path);                    // O_PATH
int open_namespace_at(int directory, const char* name);  // of a /proc/PID directory
int open_namespace(const char* path);                    // never blocks, -EINVAL if it is none
int open_for_writing(const char* path);
int is_kernel_thread(int pid);  // 1 or 0
int get_state(int id);          // of a process or thread: 'R', 'S', 'D', ... of proc_pid_stat(5)
int is_own_proc();              // 1 if /proc numbers pids as we do
int pipe(int ends[2]);          // its end for reading, its end for writing; pipe2(2)
int unread(int fd);             // how many bytes wait in a pipe or socket; FIONREAD, pipe(7)
int close(int fd);
int dup(int fd);
int gettid();

int setns(int fd, int type);  // refuses a set of types with mnt in it, see sys.cc
int unshare(int types);
int get_type(int fd);                      // Linux 4.11; ioctl_nsfs(2)
int get_parent(int fd);                    // Linux 4.9
int get_owner(int fd);                     // Linux 4.9
int get_owner_uid(int fd, uint32_t* uid);  // Linux 4.11
int get_id(int fd, uint64_t* id);          // Linux 6.18
int get_inode(int fd, uint64_t* inode, uint64_t* device);

int set_hostname(const char* name, int length);
int set_domainname(const char* name, int length);
int bring_loopback_up();
// Straight to stderr, as nothing of Node's may run any more; then the process ends.
[[noreturn]] void die(const char* last_words);
int write_all(int fd, const char* text, int length);

}  // namespace sys
