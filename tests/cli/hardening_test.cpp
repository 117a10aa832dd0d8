// How the program was linked and compiled against exploits of memory errors, read from the binary
// itself: a flag that CMake drops unnoticed shows here.
#include <array>
#include <cstdio>
#include <memory>

#include "cli_test.h"

namespace weft::test {
namespace {

std::string program_path() {
  const char* path = std::getenv("WEFT_BINARY");
  return path == nullptr ? "" : path;
}

// What binutils' readelf says of the program; "" where there is none.
std::string readelf(const std::string& options) {
  const std::string command = "readelf -W " + options + " '" + program_path() + "' 2>/dev/null";
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  std::string text;
  std::array<char, 4096> buffer{};
  for (size_t count = 0; pipe && (count = fread(buffer.data(), 1, buffer.size(), pipe.get())) > 0;)
    text.append(buffer.data(), count);
  return text;
}

class Hardening : public testing::Test {
 protected:
  void SetUp() override {
    // Programs under a sanitizer are built otherwise, and not every machine has binutils.
    if (program_path().empty() || readelf("-h").empty())
      GTEST_SKIP() << "there is no readelf, or WEFT_BINARY is not set";
    if (readelf("--dyn-syms").find("__asan_init") != std::string::npos)
      GTEST_SKIP() << "a sanitizer stands in for these";
  }
};

TEST_F(Hardening, TheProgramLiesAtARandomPlace) {
  EXPECT_THAT(readelf("-h"), HasSubstr("DYN (Position-Independent Executable file)"));
}

TEST_F(Hardening, RelocationsAreReadOnlyAndBoundAtTheStart) {
  EXPECT_THAT(readelf("-l"), HasSubstr("GNU_RELRO"));
  EXPECT_THAT(readelf("-d"), HasSubstr("BIND_NOW"));
}

TEST_F(Hardening, NeitherStackNorDataIsExecutable) {
  const std::string segments = readelf("-l");
  const size_t stack = segments.find("GNU_STACK");
  ASSERT_NE(stack, std::string::npos);
  const std::string line = segments.substr(stack, segments.find('\n', stack) - stack);
  EXPECT_THAT(line, HasSubstr(" RW "));
  EXPECT_EQ(segments.find(" RWE "), std::string::npos);
}

TEST_F(Hardening, StacksHaveCanariesAndCopiesAreChecked) {
  const std::string symbols = readelf("--dyn-syms");
  EXPECT_THAT(symbols, HasSubstr("__stack_chk_fail"));
  EXPECT_THAT(symbols, HasSubstr("_chk@"));  // __memcpy_chk and its like
  EXPECT_THAT(symbols, HasSubstr("__snprintf_chk"));
}

}  // namespace
}  // namespace weft::test
