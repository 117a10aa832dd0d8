#include "runtime/choice_cache.h"

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "core/quote.h"
#include "core/strict_json.h"
#include "io/hash.h"

namespace weft::runtime {
namespace {

constexpr int kVersion = 1;  // of the file
constexpr int64_t kMostBytes = int64_t{1} << 20;
constexpr size_t kMostChoices = 4096, kLongestName = 256, kLongestChoice = 64;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string text_of(const nlohmann::json& object, const char* key) {
  return object.at(key).get<std::string>();
}

}  // namespace

std::optional<Path> cache_folder() {
  if (const std::string given = environment("WEFT_CACHE"); !given.empty()) return given;
  if (const std::string given = environment("XDG_CACHE_HOME"); !given.empty())
    return Path(given) / "weft";
  if (const std::string home = environment("HOME"); !home.empty())
    return Path(home) / ".cache" / "weft";
  return std::nullopt;
}

ChoiceCache::ChoiceCache(Path folder, std::string device, std::string library)
    : device_(std::move(device)), library_(std::move(library)) {
  const std::string hash = io::hash_hex(device_ + "\n" + library_ + "\n" + WEFT_VERSION);
  file_ = folder / ("products-" + hash + ".json");
}

// Throws Error, or what the JSON library throws, for what add() did not write.
ops::CallChoices ChoiceCache::checked(const std::string& text) const {
  const nlohmann::json in = parse_json(text, "it", {.bytes = kMostBytes, .depth = 3});
  if (in.at("version").get<int>() != kVersion || text_of(in, "weft") != WEFT_VERSION ||
      text_of(in, "device") != device_ || text_of(in, "library") != library_)
    throw Error("it is of another version, device or library");
  const auto choices = in.at("choices").get<ops::CallChoices>();
  if (choices.size() > kMostChoices) throw Error("it has too many entries");
  for (const auto& [product, kernel] : choices)
    if (product.size() > kLongestName || kernel.size() > kLongestChoice)
      throw Error("an entry is too long");
  return choices;
}

ops::CallChoices ChoiceCache::read(const FileSystem& files, std::string& notice) const {
  try {
    if (files.status(file_).kind == FileKind::kMissing) return {};
    return checked(files.read(file_, kMostBytes));
  } catch (const std::exception& error) {  // the JSON library's too
    notice = "the measured kernels in " + quote_path(file_) +
             " are ignored, and measured again: " + printable(error.what());
    return {};
  }
}

void ChoiceCache::add(FileSystem& files, const ops::CallChoices& choices,
                      std::string& notice) const {
  std::string ignored;  // what is wrong with the file was told when it was read
  ops::CallChoices all = read(files, ignored);
  for (const auto& [product, kernel] : choices) all[product] = kernel;
  if (all.size() > kMostChoices) all = choices;
  const nlohmann::ordered_json out = {{"version", kVersion},
                                      {"weft", WEFT_VERSION},
                                      {"device", device_},
                                      {"library", library_},
                                      {"choices", all}};
  try {
    create_folders(files, parent_folder(file_));
    write_file_atomically(files, file_, out.dump(1) + "\n");
  } catch (const FileError& error) {
    notice = std::string("which kernels multiply fastest is not remembered: ") + error.what();
  }
}

}  // namespace weft::runtime
