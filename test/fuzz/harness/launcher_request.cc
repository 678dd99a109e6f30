// The launcher's half of a spawn, with a kernel that answers as the input says: a request as the
// addon lays it out (prepare.cc), in which every number and text is the input's, arriving in pieces
// of any size; or bytes that are no request, of which only the size is looked at.
#include <stdint.h>
#include <string.h>

extern "C" void run_launcher(const uint8_t* data, size_t size);

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  run_launcher(data, size);
  return 0;
}
