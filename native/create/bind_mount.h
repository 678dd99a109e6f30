// Namespaces that outlive every process: bound to files. And the directory of named networks,
// shared with `ip netns`. Every function returns 0, or -errno with what it had begun undone.
#pragma once

namespace persist {

// The file must not be there; it is made.
int bind(int fd, const char* path);

// Takes away what bind() made, and the file. -EINVAL: it holds no namespace. With `leftovers` also
// an empty file, which somebody made who was killed before the bind. Processes that are in the
// namespace stay in it.
int unbind(const char* path, bool leftovers);

// As bind(), in a directory whose mounts are seen by other mount namespaces: it is made, made a
// mount of its own and shared where it is not yet, under the lock that iproute2 takes. Blocks while
// another process holds that.
int add(int fd, const char* directory, const char* path);

}  // namespace persist
