#include "core/process.h"

#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <climits>
#include <ctime>
#include <fstream>
#include <sstream>
#include <string_view>

namespace weft {

int64_t resident_bytes() {
  int64_t total = 0, resident = 0;
  std::ifstream statm("/proc/self/statm");
  return statm >> total >> resident ? resident * sysconf(_SC_PAGESIZE) : 0;
}

int64_t page_faults() {
  rusage usage{};
  return getrusage(RUSAGE_SELF, &usage) == 0 ? usage.ru_minflt + usage.ru_majflt : 0;
}

void keep_freed_memory() {
#ifdef __GLIBC__
  mallopt(M_MMAP_THRESHOLD, 32 << 20);  // the most that glibc takes: larger blocks are the arena's
  mallopt(M_TRIM_THRESHOLD, INT_MAX);
#endif
}

int64_t process_number() {
  return ::getpid();
}

std::vector<std::string> command_line() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::vector<std::string> words;
  for (std::string word; std::getline(file, word, '\0');) words.push_back(word);
  return words;
}

std::map<std::string, std::string> environment_of(const std::vector<std::string>& beginnings) {
  std::map<std::string, std::string> found;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const size_t equals = std::min(text.find('='), text.size());
    const auto begins = [&](const std::string& beginning) { return text.starts_with(beginning); };
    if (std::any_of(beginnings.begin(), beginnings.end(), begins))
      found.emplace(text.substr(0, equals), text.substr(std::min(equals + 1, text.size())));
  }
  return found;
}

namespace {

// What stands behind "key : " in the first such line of /proc/cpuinfo.
std::string cpuinfo(std::string_view key) {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const size_t colon = line.find(':');
    if (!line.starts_with(key) || colon == std::string::npos) continue;
    return line.substr(std::min(colon + 2, line.size()));
  }
  return "";
}

bool counts_for_arithmetic(std::string_view feature) {
  constexpr std::array<std::string_view, 10> kBeginnings = {
      "avx", "amx", "sse4", "ssse3", "fma", "f16c", "asimd", "sve", "sme", "bf16"};
  return std::any_of(kBeginnings.begin(), kBeginnings.end(),
                     [&](std::string_view beginning) { return feature.starts_with(beginning); });
}

}  // namespace

std::string processor_name() {
  return cpuinfo("model name");
}

std::vector<std::string> processor_features() {
  const std::string flags = cpuinfo("flags");
  std::istringstream words(flags.empty() ? cpuinfo("Features") : flags);
  std::vector<std::string> features;
  for (std::string word; words >> word;)
    if (counts_for_arithmetic(word)) features.push_back(word);
  return features;
}

std::string utc_text(double seconds) {
  const auto whole = static_cast<std::time_t>(seconds);
  std::tm utc{};
  ::gmtime_r(&whole, &utc);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text.data();
}

double monotonic_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double wall_seconds() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace weft
