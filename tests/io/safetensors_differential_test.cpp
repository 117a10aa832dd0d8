// Mutated files through our reader and through the reference implementation, which must agree on
// each. Opt-in: WEFT_SAFETENSORS_PYTHON names a Python that has the package `safetensors`.
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <random>
#include <sstream>

#include "tests/core/refusals.h"
#include "tests/core/temporary_folder.h"
#include "tests/io/io_test_files.h"

namespace weft::io {
namespace {

constexpr int kFiles = 5000;

std::vector<std::string> sound_files() {
  return {
      safetensors_bytes("{}", 0),
      safetensors_bytes(R"({"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}})", 24),
      safetensors_bytes(
          R"({"__metadata__":{"format":"pt","x":"y"},"a":{"dtype":"BF16","shape":[4],)"
          R"("data_offsets":[0,8]},"b":{"dtype":"I64","shape":[],)"
          R"("data_offsets":[8,16]}}   )",
          16),
      safetensors_bytes(R"({"b":{"dtype":"U8","shape":[0,5],"data_offsets":[4,4]},"a":{"shape":)"
                        R"([1,1,4],"dtype":"BOOL","data_offsets":[0,4]}})",
                        4)};
}

class Mutator {
 public:
  explicit Mutator(uint64_t seed) : random_(seed) {}

  std::string operator()(std::string bytes) {
    const int changes = 1 + static_cast<int>(below(2));
    for (int i = 0; i < changes; ++i) change(bytes);
    return bytes;
  }

 private:
  uint64_t below(uint64_t end) { return random_() % end; }
  size_t place(const std::string& bytes) { return below(bytes.size() + 1); }

  // Keeps the stated length true three times in four, for else nothing but it would be tested.
  void change(std::string& bytes) {
    const size_t before = bytes.size();
    switch (below(8)) {
      case 0: flip(bytes); break;
      case 1: bytes.insert(place(bytes), 1, static_cast<char>(below(256))); break;
      case 2: bytes.erase(place(bytes), 1 + below(4)); break;
      case 3: bytes.insert(place(bytes), word()); break;
      case 4: number(bytes); break;
      case 5: bytes.resize(below(bytes.size() + 1)); break;
      case 6: bytes.append(1 + below(8), '\0'); break;
      default: repeat(bytes); break;
    }
    if (bytes.size() == before || bytes.size() < 9 || below(4) == 0) return;
    uint64_t length = 0;
    std::memcpy(&length, bytes.data(), sizeof length);
    length += bytes.size() - before;
    std::memcpy(bytes.data(), &length, sizeof length);
  }
  void flip(std::string& bytes) {
    if (bytes.empty()) return;
    char& byte = bytes[below(bytes.size())];
    byte = static_cast<char>(byte ^ (1 << below(8)));
  }
  std::string word() {
    static constexpr std::array<const char*, 16> kWords = {"\"F16\"",
                                                           "null",
                                                           "true",
                                                           "-1",
                                                           "1e3",
                                                           "0",
                                                           "[",
                                                           "]",
                                                           "{",
                                                           "}",
                                                           "\"a\":",
                                                           "\\u0061",
                                                           "18446744073709551615",
                                                           " ",
                                                           ",",
                                                           "\"strange\":1,"};
    return kWords[below(kWords.size())];
  }
  void number(std::string& bytes) {
    const size_t at = bytes.find_first_of("0123456789", place(bytes));
    if (at != std::string::npos) bytes[at] = static_cast<char>('0' + below(10));
  }
  void repeat(std::string& bytes) {
    const size_t from = place(bytes);
    bytes.insert(place(bytes), bytes.substr(from, below(60)));
  }

  std::mt19937_64 random_;
};

// Where we are stricter, on purpose: what two readers understand differently is refused, and so is
// white space before the first bracket, which the format forbids.
bool is_stricter(const std::string& message) {
  for (const char* reason :
       {"two tensors of the name", "appears twice", "unknown key", "does not begin with '{'"})
    if (message.find(reason) != std::string::npos) return true;
  return false;
}

TEST(SafetensorsDifferential, AgreesWithTheReferenceOnMutatedFiles) {
  const char* python = std::getenv("WEFT_SAFETENSORS_PYTHON");
  if (python == nullptr) GTEST_SKIP() << "WEFT_SAFETENSORS_PYTHON names no Python";
  const TemporaryFolder folder;
  const std::vector<std::string> sound = sound_files();
  Mutator mutated(20251122);
  std::vector<std::string> ours;
  for (size_t i = 0; i < kFiles; ++i) {
    const std::string bytes = i < sound.size() ? sound[i] : mutated(sound[i % sound.size()]);
    const Path file = folder.write(std::to_string(i) + ".safetensors", bytes);
    ours.push_back(said_by([&] { SafetensorsFile{file}; }));
  }
  const Path script = Path(std::getenv("WEFT_SOURCE")) / "tests/io/safetensors_reference.py";
  const std::string command =
      std::string(python) + " " + script.string() + " " + folder.path().string();
  ASSERT_EQ(std::system(command.c_str()), 0) << command;
  std::ifstream verdicts(folder / "verdicts");
  int accepted = 0, refused = 0, stricter = 0;
  std::string line;
  for (size_t i = 0; i < kFiles; ++i) {
    ASSERT_TRUE(std::getline(verdicts, line));
    const bool they_accept = line == std::to_string(i) + " accept";
    const bool we_accept = ours[i] == "";
    accepted += they_accept && we_accept;
    refused += !they_accept && !we_accept;
    if (they_accept && !we_accept && is_stricter(ours[i])) {
      ++stricter;
      continue;
    }
    EXPECT_EQ(we_accept, they_accept) << "ours: " << ours[i] << "\ntheirs: " << line;
  }
  std::printf("%d accepted by both, %d refused by both, %d refused by us alone\n", accepted,
              refused, stricter);
  EXPECT_GT(accepted, kFiles / 50);
  EXPECT_GT(refused, kFiles / 2);
}

}  // namespace
}  // namespace weft::io
