#include "root/filesystem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

namespace root {
namespace {

// File systems that hold files, on a disk, in memory, or at a server: a list of what is allowed, so
// that what the kernel learns to show as files is refused until somebody has looked at it. From
// linux/magic.h; those that are not in there, with their source beside them.
constexpr uint32_t kHoldFiles[] = {
    0xadf5,      // adfs
    0xadff,      // affs
    0x5346414f,  // afs
    0x6b414653,  // afs, as openafs has it
    0x61636673,  // acfs: coreutils, src/stat.c
    0x61756673,  // aufs: its include/uapi/linux/aufs_type.h
    0xca451a4e,  // bcachefs: fs/bcachefs/super.c
    0x19830326,  // beegfs: its client_module/source/common/Common.h
    0x1badface,  // bfs: include/uapi/linux/bfs_fs.h
    0x9123683e,  // btrfs
    0x00c36400,  // ceph
    0xff534d42,  // cifs
    0xfe534d42,  // smb3
    0x73757245,  // coda
    0x28cd3d45,  // cramfs
    0xf15f,      // ecryptfs
    0x414a53,    // efs
    0xe0f5e1e2,  // erofs
    0x2011bab0,  // exfat
    0xef53,      // ext2, ext3, ext4
    0xf2f52010,  // f2fs
    0x65735546,  // fuse, fuseblk, virtiofs
    0x01161970,  // gfs2: include/uapi/linux/gfs2_ondisk.h
    0x47504653,  // gpfs: coreutils, src/stat.c
    0x4244,      // hfs: fs/hfs/hfs.h
    0x482b,      // hfsplus: include/linux/hfs_common.h
    0x00c0ffee,  // hostfs
    0xf995e849,  // hpfs
    0x958458f6,  // hugetlbfs
    0x9660,      // iso9660
    0x72b6,      // jffs2
    0x3153464a,  // jfs: fs/jfs/jfs_superblock.h
    0x0bd00bd0,  // lustre: its lustre_idl.h
    0x137f,      // minix
    0x138f,      // minix
    0x2468,      // minix
    0x2478,      // minix
    0x4d5a,      // minix
    0x4d44,      // msdos, vfat
    0x6969,      // nfs, nfs4
    0x3434,      // nilfs2
    0x5346544e,  // ntfs: fs/ntfs/super.c, until Linux 6.8
    0x7366746e,  // ntfs3: fs/ntfs3/super.c
    0x7461636f,  // ocfs2
    0xc2993d87,  // omfs: fs/omfs/omfs_fs.h
    0x20030528,  // orangefs: fs/orangefs/super.c
    0x794c7630,  // overlay
    0x7c7c6673,  // prl_fs: coreutils, src/stat.c
    0x002f,      // qnx4
    0x68191122,  // qnx6
    0x858458f6,  // ramfs; rootfs
    0x52345362,  // reiser4: its super.c
    0x52654973,  // reiserfs
    0x7275,      // romfs: include/uapi/linux/romfs_fs.h
    0x6a656a62,  // shiftfs: its shiftfs.c
    0x517b,      // smb
    0x73717368,  // squashfs
    0x01021994,  // tmpfs; devtmpfs
    0x24051905,  // ubifs: fs/ubifs/ubifs.h
    0x15013346,  // udf
    0x00011954,  // ufs: fs/ufs/ufs_fs.h
    0x19540119,  // ufs2
    0x01021997,  // 9p
    0x786f4256,  // vboxsf: fs/vboxsf/super.c
    0xbacbacbc,  // vmhgfs: coreutils, src/stat.c
    0xa501fcf5,  // vxfs: fs/freevxfs/vxfs.h
    0x58465342,  // xfs
    0x2fc12fc1,  // zfs: its include/sys/fs/zfs.h
};

constexpr uint32_t kAutofs = 0x0187;

// Some of the others, for the error. Those without a source are in linux/magic.h.
struct Named {
  uint32_t magic;
  const char* name;
};
constexpr Named kOthers[] = {
    {0x9fa0, "proc"},
    {0x62656572, "sysfs"},
    {0x27e0eb, "cgroup"},
    {0x63677270, "cgroup2"},
    {0x64626720, "debugfs"},
    {0x74726163, "tracefs"},
    {0x73636673, "securityfs"},
    {0xcafe4a11, "bpf"},
    {0x62656570, "configfs"},  // fs/configfs/mount.c
    {0xde5e81e4, "efivarfs"},
    {0x6165676c, "pstore"},
    {0x42494e4d, "binfmt_misc"},
    {0x65735543, "fusectl"},  // fs/fuse/control.c
    {0x19800202, "mqueue"},   // ipc/mqueue.c
    {0x1cd1, "devpts"},
    {0x6c6f6f70, "binder"},
    {0x07655821, "resctrl"},
    {0xf97cff8c, "selinuxfs"},
    {0x43415d53, "smackfs"},
    {0x5a3c69f0, "apparmorfs"},
    {0x67596969, "rpc_pipefs"},  // net/sunrpc/rpc_pipe.c
    {0x6e667364, "nfsd"},        // fs/nfsd/nfsctl.c
    {0x6e736673, "nsfs"},
    {0x50494446, "pidfs"},
    {0x50495045, "pipefs"},
    {0x534f434b, "sockfs"},
    {0x09041934, "anon_inodefs"},
    {kAutofs, "autofs"},
    {0xabba1974, "xenfs"},
    {0x9fa1, "openpromfs"},
    {0x5a4f4653, "zonefs"},
};

bool is_among(const std::string& names, const char* wanted) {
  for (size_t at = 0; at < names.size(); at += strlen(names.c_str() + at) + 1) {
    if (strcmp(names.c_str() + at, wanted) == 0) return true;
  }
  return false;
}

// The name of a file system that holds no files, as in /proc/filesystems, or its number in hex;
// nullptr: it holds files.
const char* kernel_system(unsigned long magic, char* number, unsigned long size) {
  const auto wanted = static_cast<uint32_t>(magic);
  for (const uint32_t known : kHoldFiles) {
    if (known == wanted) return nullptr;
  }
  for (const Named& other : kOthers) {
    if (other.magic == wanted) return other.name;
  }
  snprintf(number, size, "0x%x", wanted);
  return number;
}

bool may_be_changed(const struct statfs& system, Work* work) {
  char number[16];
  const char* name =
      kernel_system(static_cast<unsigned long>(system.f_type), number, sizeof number);
  if (name == nullptr || is_among(work->systems, name)) return true;
  work->system = name;
  return false;
}

}  // namespace

int is_beyond(const Root& root, int fd, Work* work) {
  struct statfs system;
  if (::fstatfs(fd, &system) == -1) return 1;
  if (!may_be_changed(system, work)) return 1;
  struct statx found;
  return root.IsForeign() && (stat(fd, "", AT_EMPTY_PATH, &found) < 0 || !root.Knows(found)) ? 1
                                                                                             : 0;
}

bool is_kernels(int fd) {
  struct statfs system;
  if (::fstatfs(fd, &system) == -1) return false;
  for (const Named& other : kOthers) {
    if (other.magic == static_cast<uint32_t>(system.f_type)) return other.magic != kAutofs;
  }
  return false;
}

Change::Change(const Root& root, int fd, Work* work) {
  struct statfs system;
  refused_ = ::fstatfs(fd, &system) == -1 ? -errno : 0;
  if (refused_ >= 0 && !may_be_changed(system, work)) refused_ = -EPERM;
  if (!root.IsForeign()) return;
  struct statx found;
  const int seen = stat(fd, "", AT_EMPTY_PATH, &found);
  if (seen >= 0 && root.Knows(found)) return;
  // Also of what is refused: a device is opened all the same.
  const int narrowed = keep_capabilities(false);
  if (refused_ >= 0) refused_ = seen < 0 ? seen : narrowed;
  if (refused_ >= 0 && !has_become(root.users, root.groups)) refused_ = -EPERM;
  narrowed_ = true;
  work->foreign = true;
}

Change::~Change() {
  if (narrowed_) keep_capabilities(true);
}

}  // namespace root
