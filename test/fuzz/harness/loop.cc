// What drives a harness where there is no libFuzzer: HARNESS SECONDS SEED FAILURE FILE|FOLDER ...
// Runs every file once, then changes of them until the time is over. What is being run is in the
// file FAILURE for as long as it runs, so what ends the process is kept. With 0 SECONDS the files
// are all that is run.
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
// Of a harness that knows what its inputs are made of.
extern "C" __attribute__((weak)) size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size,
                                                                size_t most, unsigned seed);

namespace {

constexpr size_t kMost = 1 << 17;

uint64_t state;
uint32_t below(uint32_t most) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return most == 0 ? 0 : static_cast<uint32_t>((state >> 11) % most);
}

std::string read_file(const std::string& path) {
  std::string text;
  FILE* file = fopen(path.c_str(), "rb");
  if (file == nullptr) return text;
  char buffer[4096];
  for (size_t got; (got = fread(buffer, 1, sizeof buffer, file)) > 0;) text.append(buffer, got);
  fclose(file);
  return text;
}

void collect(const std::string& path, std::vector<std::string>* inputs) {
  DIR* directory = opendir(path.c_str());
  if (directory == nullptr) {
    inputs->push_back(read_file(path));
    return;
  }
  while (const dirent* entry = readdir(directory)) {
    if (entry->d_name[0] != '.') collect(path + "/" + entry->d_name, inputs);
  }
  closedir(directory);
}

const int32_t kNumbers[] = {0,  1,  -1,    3,     4,      15,     16,     17,         20,
                            36, 64, 65535, 65536, 131072, 262144, 196608, 0x7fffffff, -2147483647};

std::vector<std::string> inputs;

std::string changed(std::string one) {
  const int times = 1 + below(8);
  for (int i = 0; i < times; i++) {
    const size_t at = below(one.size() + 1);
    switch (below(8)) {
      case 0:  // a bit
        if (at < one.size()) one[at] ^= 1 << below(8);
        break;
      case 1:
        if (at < one.size()) one[at] = static_cast<char>(below(256));
        break;
      case 2:  // a number of any width
        if (one.size() >= 4) {
          const int32_t number = kNumbers[below(sizeof kNumbers / sizeof *kNumbers)];
          const size_t width = size_t{1} << below(3);
          memcpy(&one[below(one.size() - 3)], &number, width);
        }
        break;
      case 3:
        one.erase(at, below(16));
        break;
      case 4:
        one.insert(at, std::string(below(32), static_cast<char>(below(256))));
        break;
      case 5: {  // a part of it, or of another, once more
        const std::string& from = inputs[below(inputs.size())];
        const size_t start = below(from.size() + 1);
        one.insert(at, from.substr(start, below(64)));
        break;
      }
      case 6:
        one.resize(at);
        break;
      default:
        if (at < one.size()) one[at] = "0123456789:/ \n\t\\\0-"[below(18)];
    }
    if (one.size() > kMost) one.resize(kMost);
  }
  return one;
}

}  // namespace

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t most) {
  const std::string one = changed(std::string(reinterpret_cast<char*>(data), size));
  const size_t length = one.size() < most ? one.size() : most;
  memcpy(data, one.data(), length);
  return length;
}

namespace {

std::string next_input() {
  std::string one = inputs[below(inputs.size())];
  if (LLVMFuzzerCustomMutator == nullptr) return changed(one);
  const size_t size = one.size();
  one.resize(kMost);
  one.resize(LLVMFuzzerCustomMutator(reinterpret_cast<uint8_t*>(one.data()), size, kMost,
                                     below(0x7fffffff)));
  return one;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) return 2;
  const time_t end = time(nullptr) + atoi(argv[1]);
  state = 88172645463325252ULL + strtoull(argv[2], nullptr, 10) * 2654435761ULL;
  for (int i = 4; i < argc; i++) collect(argv[i], &inputs);
  if (inputs.empty()) inputs.emplace_back();
  const int file = open(argv[3], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0 || ftruncate(file, kMost + 8) != 0) return 2;
  auto* shown =
      static_cast<char*>(mmap(nullptr, kMost + 8, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0));
  unsigned long runs = 0;
  const auto run = [&](const std::string& input) {
    const uint64_t size = input.size();
    memcpy(shown, &size, sizeof size);
    memcpy(shown + sizeof size, input.data(), input.size());
    // A copy of its own size, so that a read beyond it is seen.
    std::vector<uint8_t> bytes(input.begin(), input.end());
    bytes.shrink_to_fit();
    alarm(20);
    LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
    runs++;
  };
  for (const std::string& input : inputs) run(input);
  while (time(nullptr) < end) run(next_input());
  unlink(argv[3]);
  printf("%lu\n", runs);
  return 0;
}
