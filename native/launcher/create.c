/* New namespaces, and names and interfaces in them; maps.c does ids and clocks, mounts.c mounts,
 * bind.c the files that keep them. */
#include "create.h"

#include <linux/capability.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/if.h>
#include <linux/sockios.h>

#include "bind.h"
#include "channel.h"
#include "directory.h"
#include "join.h"
#include "maps.h"
#include "syscalls.h"

ON_FIRST_PAGE struct launch_create* create;
int parent_may_look;
int own_files;

char* text(uint32_t offset) { return offset == 0 ? 0 : (char*)create + offset; }

long made(long result, int step) {
  if (result < 0) fail(LAUNCH_CREATE, result, step);
  return result;
}

static unsigned length_of(const char* string) {
  unsigned length = 0;
  while (string[length] != 0) length++;
  return length;
}

void write_text(int directory, const char* name, const char* string, int step) {
  const unsigned length = length_of(string);
  const int file = (int)made(CALL4(openat, directory, name, O_WRONLY | O_CLOEXEC, 0), step);
  const long written = made(CALL3(write, file, string, length), step);
  if (written != length) made(-EIO, step);
  CALL1(close, file);
}

void prepare_creation(void) {
  if (launch->create == 0) return;
  create = at(launch->create);
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2] = {{0, 0, 0}, {0, 0, 0}};
  CALL2(capget, &header, data);
  parent_may_look = (data[0].effective >> CAP_SYS_PTRACE & 1) != 0;
  own_files = CALL0(geteuid) != 0;
  start_mapper();
  start_binder();
}

/* ---- the namespaces ---- */

static void set_owner(void) {
  made(CALL2(setgroups, 0, 0), CREATE_OWNER_IDS);
  const uint32_t gid = create->owner_gid;
  const uint32_t uid = create->owner_uid;
  made(CALL3(setresgid, gid, gid, gid), CREATE_OWNER_IDS);
  made(CALL3(setresuid, uid, uid, uid), CREATE_OWNER_IDS);
}

static void bring_loopback_up(void) {
  struct ifreq request = {.ifr_name = "lo"};
  const long control =
      made(CALL3(socket, 2 /* AF_INET */, 2 | O_CLOEXEC /* SOCK_DGRAM */, 0), CREATE_LOOPBACK);
  made(CALL3(ioctl, control, SIOCGIFFLAGS, &request), CREATE_LOOPBACK);
  request.ifr_flags |= 1 /* IFF_UP */;
  made(CALL3(ioctl, control, SIOCSIFFLAGS, &request), CREATE_LOOPBACK);
  CALL1(close, control);
}

static void set_names(void) {
  const char* hostname = text(create->hostname);
  const char* domainname = text(create->domainname);
  if (hostname != 0) made(CALL2(sethostname, hostname, length_of(hostname)), CREATE_HOSTNAME);
  if (domainname != 0) {
    made(CALL2(setdomainname, domainname, length_of(domainname)), CREATE_DOMAINNAME);
  }
}

void create_namespaces(void) {
  /* Below a joined pid namespace only who is in that creates one: fork_second(). */
  const uint32_t types = asked(LAUNCH_FORK_JOINED) ? launch->unshare & ~NEW_PID : launch->unshare;
  if (launch->unshare & NEW_MNT) enter_root(); /* in the copy it would be the original's */
  if (create != 0 && (create->flags & CREATE_OWNER)) set_owner();
  if (types != 0) must(CALL1(unshare, types), LAUNCH_UNSHARE);
  if (create == 0) return;
  be_mapped();
  set_names();
  if (create->loopback) bring_loopback_up();
}
