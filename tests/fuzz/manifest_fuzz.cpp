// Any bytes as a checkpoint's manifest, once as they are and once with the hash that belongs to
// them, so that the fields behind the hash are reached: refused with an Error, or read; what is
// read and written again is the same.
#include <nlohmann/json.hpp>

#include "io/checkpoint_manifest.h"
#include "io/hash.h"

namespace {

using namespace weft;
using namespace weft::io;

void check(const std::string& text) {
  CheckpointManifest manifest;
  try {
    manifest = parse_manifest(text, "fuzz");
  } catch (const Error&) {
    return;
  }
  const std::string written = manifest_json(manifest);
  WEFT_ASSERT(manifest_json(parse_manifest(written, "again")) == written);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const std::string text(reinterpret_cast<const char*>(bytes), size);
  check(text);
  nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) return 0;
  json.erase("manifest_xxh3_128");
  json["manifest_xxh3_128"] = hash_hex(json.dump());
  check(json.dump());
  return 0;
}
