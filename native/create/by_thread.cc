#include "create/by_thread.h"

#include "base/namespaces.h"

namespace create {
namespace {

int open_all(Request* request) {
  // Not by its number: /proc may number threads otherwise than we do.
  const int directory = sys::open_directory("/proc/thread-self");
  if (directory < 0) return directory;
  int failed = 0;
  for (const char* const* name = request->names; *name != nullptr && failed == 0; name++) {
    const int fd = sys::open_namespace_at(directory, *name);
    if (fd < 0) {
      failed = fd;
    } else {
      request->fds[request->count++] = fd;
    }
  }
  sys::close(directory);
  if (failed != 0) {
    while (request->count > 0) sys::close(request->fds[--request->count]);
  }
  return failed;
}

}  // namespace

int run(Request* request) {
  request->step = "unshare";
  int done = sys::unshare(request->types);
  if (done >= 0 && request->hostname_length >= 0) {
    request->step = "sethostname";
    done = sys::set_hostname(request->hostname, request->hostname_length);
  }
  if (done >= 0 && request->domainname_length >= 0) {
    request->step = "setdomainname";
    done = sys::set_domainname(request->domainname, request->domainname_length);
  }
  if (done >= 0 && request->loopback) {
    request->step = "ioctl";
    done = sys::bring_loopback_up();
  }
  if (done >= 0) {
    request->step = "open";
    done = open_all(request);
  }
  return done < 0 ? done : 0;
}

}  // namespace create
