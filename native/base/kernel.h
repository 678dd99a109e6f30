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
constexpr unsigned long kGetMountsId = _IOR(0xb7, 5, uint64_t);  // NS_GET_MNTNS_ID, Linux 6.11

constexpr unsigned long kKernelThread = 0x00200000;  // PF_KTHREAD

// openat2(2), Linux 5.6; include/uapi/linux/openat2.h
constexpr long kOpenat2 = 437;
struct OpenHow {
  uint64_t flags;
  uint64_t mode;
  uint64_t resolve;
};
constexpr uint64_t kNoMagicLinks = 0x02;
constexpr uint64_t kNoSymlinks = 0x04;
constexpr uint64_t kBeneath = 0x08;
constexpr uint64_t kInRoot = 0x10;
constexpr uint64_t kCached = 0x20;  // Linux 5.12

// statmount(2), Linux 6.8, of a namespace other than ours 6.11; include/uapi/linux/mount.h
constexpr long kStatmount = 457;
struct MountRequest {
  uint32_t size;
  uint32_t spare;
  uint64_t mount;
  uint64_t parameter;
  uint64_t mounts;  // which namespace
};
constexpr uint32_t kMountRequestFirst = 24;  // MNT_ID_REQ_SIZE_VER0, without `mounts`: our own
constexpr uint64_t kMountBasic = 0x02;       // STATMOUNT_MNT_BASIC
constexpr unsigned kUniqueMount = 0x4000;    // STATX_MNT_ID_UNIQUE, Linux 6.8
constexpr unsigned kMount = 0x1000;          // STATX_MNT_ID, Linux 5.8
constexpr uint64_t kMountRoot = 0x2000;      // STATX_ATTR_MOUNT_ROOT, Linux 5.8
constexpr unsigned kMountOffset = 0x90;      // stx_mnt_id, which older C libraries do not name

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
