// What the C++ headers want of libstdc++, in terms of the C library. With it the addon needs libc
// alone, and one file loads under glibc 2.28 or newer and under musl. Formally std::__throw_* are
// the library's own; without exceptions there is only one thing that they could do. In a process
// that has libstdc++ (Node's) its operators come first: both pairs are malloc and free.
#include <cstdlib>
#include <new>

namespace {

void* allocate(size_t size) {
  void* memory = ::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) ::abort();
  return memory;
}

}  // namespace

void* operator new(size_t size) { return allocate(size); }
void* operator new[](size_t size) { return allocate(size); }
void operator delete(void* memory) noexcept { ::free(memory); }
void operator delete[](void* memory) noexcept { ::free(memory); }
void operator delete(void* memory, size_t) noexcept { ::free(memory); }
void operator delete[](void* memory, size_t) noexcept { ::free(memory); }

extern "C" [[noreturn]] void __cxa_pure_virtual() { ::abort(); }

namespace std {

[[noreturn]] void __throw_bad_alloc() { ::abort(); }
[[noreturn]] void __throw_bad_array_new_length() { ::abort(); }
[[noreturn]] void __throw_length_error(const char*) { ::abort(); }
[[noreturn]] void __throw_logic_error(const char*) { ::abort(); }
[[noreturn]] void __throw_out_of_range_fmt(const char*, ...) { ::abort(); }

}  // namespace std
