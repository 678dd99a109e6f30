#include "root/copy_content.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/result.h"

namespace root {
namespace {

constexpr uint64_t kSmall = 128 << 10;       // bytes: below, reading and writing is faster
constexpr uint64_t kChunk = 8 << 20;         // bytes between two looks at `cancelled`
constexpr size_t kBuffer = 512 << 10;        // bytes
constexpr int kLook = 20;                    // milliseconds between two looks at `cancelled`
constexpr uint64_t kUnsizedMost = 64 << 20;  // bytes, of a file that is said to be empty (/proc)

using sys::result_of;

class Content {
 public:
  // `buffer` is made when it is needed, for this file and the next ones.
  Content(int from, int to, Buffer* buffer, Work* work)
      : from_(from), to_(to), buffer_(*buffer), work_(work) {}

  // From `offset` up to `end`, or to the end of the file. Gives how far it came.
  int64_t Copy(uint64_t offset, uint64_t end) {
    while (offset < end) {
      if (work_->cancelled) return -ECANCELED;
      const uint64_t left = end - offset;
      long done = 0;
      if (in_kernel_ && left > kSmall) {
        auto source = static_cast<loff_t>(offset);
        auto target = source;
        done = ::copy_file_range(from_, &source, to_, &target, left < kChunk ? left : kChunk, 0);
        if (done == -1 && errno != EXDEV && errno != EINVAL && errno != ENOSYS &&
            errno != EOPNOTSUPP && errno != EPERM) {
          return -errno;
        }
        in_kernel_ = done > 0;  // else not between these file systems
      }
      if (done <= 0) done = ByBuffer(offset, left);
      if (done < 0) return done;
      if (done == 0) break;
      offset += static_cast<uint64_t>(done);
      work_->bytes += static_cast<uint64_t>(done);
    }
    return static_cast<int64_t>(offset);
  }

 private:
  long ByBuffer(uint64_t offset, uint64_t length) {
    if (buffer_ == nullptr) buffer_.reset(new char[kBuffer]);
    const long got = ::pread(from_, buffer_.get(), length < kBuffer ? length : kBuffer,
                             static_cast<off_t>(offset));
    if (got == -1) return -errno;
    for (long written = 0; written < got;) {
      const long more = ::pwrite(to_, buffer_.get() + written, static_cast<size_t>(got - written),
                                 static_cast<off_t>(offset) + written);
      if (more == -1) return -errno;
      written += more;
    }
    return got;
  }

  int from_;
  int to_;
  Buffer& buffer_;
  Work* work_;
  bool in_kernel_ = true;
};

}  // namespace

int copy_content(int from, int to, const struct statx& source, int flags, Buffer* buffer,
                 Work* work) {
  if ((flags & (kCopyClone | kCopyCloneOnly)) != 0) {
    const int cloned = result_of(::ioctl(to, FICLONE, from));
    if (cloned >= 0 || (flags & kCopyCloneOnly) != 0) return cloned;
  }
  Content content(from, to, buffer, work);
  const uint64_t size = source.stx_size;
  if (size == 0) {
    const int64_t end = content.Copy(0, kUnsizedMost);
    return end < 0 ? static_cast<int>(end) : end == kUnsizedMost ? -EFBIG : 0;
  }
  const bool sparse = source.stx_blocks * 512 < size;
  bool holes = sparse;
  uint64_t offset = 0;
  while (offset < size) {
    uint64_t end = size;
    if (holes) {
      const off_t data = ::lseek(from, static_cast<off_t>(offset), SEEK_DATA);
      if (data == -1 && errno == ENXIO) break;  // a hole to the end
      const off_t hole = data == -1 ? -1 : ::lseek(from, data, SEEK_HOLE);
      holes = data >= static_cast<off_t>(offset) && hole > data;
      if (holes) {
        offset = static_cast<uint64_t>(data);
        end = static_cast<uint64_t>(hole) < size ? static_cast<uint64_t>(hole) : size;
        if (offset >= size) offset = end = size;
      }
    }
    const int64_t reached = content.Copy(offset, end);
    if (reached < 0) return static_cast<int>(reached);
    offset = static_cast<uint64_t>(reached);
    if (offset < end) return result_of(::ftruncate(to, reached));  // it has become shorter
  }
  return sparse ? result_of(::ftruncate(to, static_cast<off_t>(size))) : 0;  // it may end in a hole
}

int open_stream(const Root& root, int file, Work* work) {
  for (;;) {
    const int opened = root.Reopen(file, O_WRONLY | O_NONBLOCK | O_NOCTTY);
    struct statx found;
    if (opened != -ENXIO || stat(file, "", AT_EMPTY_PATH, &found) < 0 ||
        !S_ISFIFO(found.stx_mode)) {
      return opened;
    }
    if (work->cancelled) return -ECANCELED;
    ::poll(nullptr, 0, kLook);
  }
}

int stream_content(int from, int to, const struct statx& source, Buffer* buffer, Work* work) {
  if (*buffer == nullptr) buffer->reset(new char[kBuffer]);
  const uint64_t end = source.stx_size > 0 ? source.stx_size : kUnsizedMost;
  for (uint64_t offset = 0; offset < end;) {
    if (work->cancelled) return -ECANCELED;
    const uint64_t left = end - offset;
    const long got =
        ::pread(from, buffer->get(), left < kBuffer ? left : kBuffer, static_cast<off_t>(offset));
    if (got == -1) return -errno;
    if (got == 0) return 0;
    for (long written = 0; written < got;) {
      if (work->cancelled) return -ECANCELED;
      const long more = ::write(to, buffer->get() + written, static_cast<size_t>(got - written));
      if (more >= 0) {
        written += more;
      } else if (errno == EAGAIN) {
        struct pollfd full = {to, POLLOUT, 0};
        ::poll(&full, 1, kLook);
      } else if (errno != EINTR) {
        return -errno;
      }
    }
    offset += static_cast<uint64_t>(got);
    work->bytes += static_cast<uint64_t>(got);
  }
  return source.stx_size == 0 ? -EFBIG : 0;
}

}  // namespace root
