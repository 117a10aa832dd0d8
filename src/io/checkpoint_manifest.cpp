#include "io/checkpoint_manifest.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "core/quote.h"
#include "core/strict_json.h"
#include "io/hash.h"

namespace weft::io {
namespace {

using Json = nlohmann::json;

constexpr const char* kFormat = "weft checkpoint";
constexpr const char* kHashKey = "manifest_xxh3_128";
constexpr JsonLimits kLimits = {.bytes = kLargestManifest, .depth = 4, .values = 200'000};

// Reads the members of one object and refuses those that nobody asked for.
class ObjectReader {
 public:
  ObjectReader(const Json& object, const std::string& source) : object_(object), source_(source) {
    if (!object.is_object()) throw Error(source_ + ": an object is needed");
  }

  const Json& member(const char* name, Json::value_t type) {
    known_.insert(name);
    const auto at = object_.find(name);
    if (at == object_.end()) throw Error(source_ + ": " + quote(name) + " is missing");
    const bool is_integer = type == Json::value_t::number_integer && at->is_number_integer();
    if (at->type() != type && !is_integer)
      throw Error(source_ + ": " + quote(name) + " is a " + at->type_name());
    return *at;
  }
  std::string string(const char* name) {
    return member(name, Json::value_t::string).get<std::string>();
  }
  int64_t size(const char* name) {
    const Json& value = member(name, Json::value_t::number_integer);
    if (value.is_number_unsigned() ? value.get<uint64_t>() > INT64_MAX : value.get<int64_t>() < 0)
      throw Error(source_ + ": " + quote(name) + " is out of range");
    return value.get<int64_t>();
  }
  bool has(const char* name) {
    known_.insert(name);
    return object_.contains(name);
  }
  void finish() const {
    for (const auto& [key, value] : object_.items())
      if (!known_.contains(key)) throw Error(source_ + ": unknown key " + quote(key));
  }

 private:
  const Json& object_;
  std::string source_;
  std::set<std::string> known_;
};

std::string hash_of(const Json& manifest) {
  return hash_hex(manifest.dump());
}

bool is_hash(const std::string& text) {
  return text.size() == 32 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

std::vector<WrittenFile> parse_files(const Json& array, const std::string& source) {
  std::vector<WrittenFile> files;
  std::set<std::string> names;
  for (const Json& entry : array) {
    ObjectReader reader(entry, source);
    WrittenFile file{.name = reader.string("name"),
                     .bytes = reader.size("bytes"),
                     .hash = reader.string("xxh3_128")};
    reader.finish();
    check_relative_name(file.name, source);
    if (!is_hash(file.hash)) throw Error(source + ": the hash of " + quote(file.name) + " is none");
    if (!names.insert(file.name).second || file.name == kManifestName)
      throw Error(source + ": the file " + quote(file.name) + " is listed twice");
    files.push_back(std::move(file));
  }
  return files;
}

std::map<std::string, std::string> parse_notes(const Json& object, const std::string& source) {
  std::map<std::string, std::string> notes;
  for (const auto& [key, value] : object.items()) {
    if (!value.is_string()) throw Error(source + ": the note " + quote(key) + " is no string");
    notes.emplace(key, value.get<std::string>());
  }
  return notes;
}

// The members, once the hash has shown that they are as they were written.
CheckpointManifest parse_members(const Json& json, const std::string& source) {
  ObjectReader reader(json, source);
  if (reader.string("format") != kFormat) throw Error(source + ": this is no checkpoint of Weft");
  if (const int64_t version = reader.size("version"); version > kCheckpointVersion)
    throw NewerCheckpoint(source + ": written by a newer Weft (format " + std::to_string(version) +
                          ", this one reads up to " + std::to_string(kCheckpointVersion) +
                          "); update Weft to go on from it");
  CheckpointManifest manifest{.step = reader.size("step"), .score = {}, .notes = {}, .files = {}};
  if (reader.has("score"))
    manifest.score = reader.member("score", Json::value_t::number_float).get<double>();
  manifest.notes = parse_notes(reader.member("notes", Json::value_t::object), source);
  manifest.files = parse_files(reader.member("files", Json::value_t::array), source);
  reader.finish();
  return manifest;
}

}  // namespace

std::string manifest_json(const CheckpointManifest& manifest) {
  Json json = {{"format", kFormat},
               {"version", kCheckpointVersion},
               {"step", manifest.step},
               {"notes", manifest.notes},
               {"files", Json::array()}};
  if (manifest.score) json["score"] = *manifest.score;
  for (const WrittenFile& file : manifest.files)
    json["files"].push_back({{"name", file.name}, {"bytes", file.bytes}, {"xxh3_128", file.hash}});
  json[kHashKey] = hash_of(json);
  return json.dump(2) + "\n";
}

CheckpointManifest parse_manifest(std::string_view text, const std::string& source) {
  Json json = parse_json(text, source, kLimits);
  const std::string hash = ObjectReader(json, source).string(kHashKey);
  json.erase(kHashKey);
  if (hash != hash_of(json)) throw Error(source + ": its own hash does not match; it is damaged");
  return parse_members(json, source);
}

}  // namespace weft::io
