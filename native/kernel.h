// Numbers of the kernel's interface that C libraries of older distributions do not have yet.
// Sources: include/uapi/linux/{nsfs,pidfd,sched}.h, include/linux/sched.h.
#pragma once
#include <sys/ioctl.h>

#include <cstdint>

namespace kernel {

constexpr int kTime = 0x00000080;
constexpr int kMnt = 0x00020000;
constexpr int kCgroup = 0x02000000;
constexpr int kUts = 0x04000000;
constexpr int kIpc = 0x08000000;
constexpr int kUser = 0x10000000;
constexpr int kPid = 0x20000000;
constexpr int kNet = 0x40000000;

constexpr unsigned long kGetOwner = _IO(0xb7, 0x1);
constexpr unsigned long kGetParent = _IO(0xb7, 0x2);
constexpr unsigned long kGetType = _IO(0xb7, 0x3);
constexpr unsigned long kGetOwnerUid = _IO(0xb7, 0x4);
constexpr unsigned long kGetId = _IOR(0xb7, 13, uint64_t);

constexpr long kPidfdGetfd = 438;                           // SYS_pidfd_getfd, Linux 5.6
constexpr unsigned long kSocketNetwork = 0x894C;            // SIOCGSKNS, Linux 4.10
constexpr unsigned long kGetPidForChildren = _IO(0xff, 6);  // PIDFD_GET_PID_FOR_CHILDREN_NAMESPACE
constexpr unsigned long kGetTimeForChildren =
    _IO(0xff, 8);  // PIDFD_GET_TIME_FOR_CHILDREN_NAMESPACE

constexpr unsigned long kKernelThread = 0x00200000;  // PF_KTHREAD

// PIDFD_GET_*_NAMESPACE, 0 for what is no single type.
constexpr unsigned long pidfd_request(int type) {
  switch (type) {
    case kCgroup:
      return _IO(0xff, 1);
    case kIpc:
      return _IO(0xff, 2);
    case kMnt:
      return _IO(0xff, 3);
    case kNet:
      return _IO(0xff, 4);
    case kPid:
      return _IO(0xff, 5);
    case kTime:
      return _IO(0xff, 7);
    case kUser:
      return _IO(0xff, 9);
    case kUts:
      return _IO(0xff, 10);
    default:
      return 0;
  }
}

}  // namespace kernel
