// dataset.json to and from its struct.
#include "data/dataset_manifest.h"

#include <algorithm>
#include <cstdio>
#include <initializer_list>
#include <nlohmann/json.hpp>

#include "core/contained_file.h"
#include "core/quote.h"
#include "core/strict_json.h"
#include "data/content_hash.h"

namespace weft::data {
namespace {

// Written in the order of the documentation; read without ordered_json, whose objects take time
// quadratic in the number of their keys.
using OrderedJson = nlohmann::ordered_json;
using Json = nlohmann::json;

constexpr std::string_view kFormat = "weft-tokens";
constexpr int64_t kVersion = 1;
constexpr JsonLimits kManifestLimits = {
    .bytes = 64 << 20,
    .depth = 8,
    .values = 600'000};  // 60,000 shards, 2 * 10^12 tokens, and 50,000 inputs

// A JSON object read key by key; what is missing, unknown or wrong is an Error with the key's path.
class Reader {
 public:
  Reader(const Json& json, std::string file, std::string where,
         std::initializer_list<std::string_view> keys,
         std::initializer_list<std::string_view> optional_keys = {})
      : json_(json), file_(std::move(file)), where_(std::move(where)) {
    if (!json.is_object()) fail("", "is no object");
    for (const auto& [key, value] : json.items())
      if (std::find(keys.begin(), keys.end(), key) == keys.end() &&
          std::find(optional_keys.begin(), optional_keys.end(), key) == optional_keys.end())
        fail(key, "is unknown");
    for (const std::string_view key : keys)
      if (!json.contains(key)) fail(key, "is missing");
  }

  std::string text(std::string_view key) const {
    if (!json_.at(key).is_string()) fail(key, "is no string");
    return json_.at(key).get<std::string>();
  }
  int64_t integer(std::string_view key, int64_t min, int64_t max) const {
    const Json& value = json_.at(key);
    const bool fits =
        value.is_number_unsigned() ? value.get<uint64_t>() <= INT64_MAX : value.is_number_integer();
    if (!fits || value.get<int64_t>() < min || value.get<int64_t>() > max)
      fail(key, "is no integer from " + std::to_string(min) + " to " + std::to_string(max));
    return value.get<int64_t>();
  }
  uint64_t unsigned_integer(std::string_view key) const {
    const Json& value = json_.at(key);
    if (!value.is_number_integer() || (!value.is_number_unsigned() && value.get<int64_t>() < 0))
      fail(key, "is no integer of 0 or more");
    return value.get<uint64_t>();
  }
  double fraction(std::string_view key) const {
    const Json& value = json_.at(key);
    if (!value.is_number() || !(value.get<double>() >= 0 && value.get<double>() < 1))
      fail(key, "is no number of [0, 1)");
    return value.get<double>();
  }
  uint64_t hash(std::string_view key) const {
    const std::string hex = text(key);
    unsigned long long value = 0;
    int used = 0;
    if (hex.size() != 16 || std::sscanf(hex.c_str(), "%16llx%n", &value, &used) != 1 ||
        to_hex(value) != hex)
      fail(key, "is no hash of 16 hexadecimal digits");
    return value;
  }
  Reader object(std::string_view key, std::initializer_list<std::string_view> keys,
                std::initializer_list<std::string_view> optional_keys = {}) const {
    return Reader(json_.at(key), file_, path_of(key), keys, optional_keys);
  }
  std::vector<Reader> objects(std::string_view key,
                              std::initializer_list<std::string_view> keys) const {
    if (!json_.contains(key)) return {};  // one of the optional keys
    if (!json_.at(key).is_array()) fail(key, "is no list");
    std::vector<Reader> result;
    for (const Json& item : json_.at(key))
      result.emplace_back(item, file_, path_of(key) + "[" + std::to_string(result.size()) + "]",
                          keys);
    return result;
  }
  [[noreturn]] void fail(std::string_view key, const std::string& reason) const {
    throw Error("'" + file_ + "': " + path_of(key) + " " + reason +
                "; `weft prepare` writes this file, run it again");
  }

 private:
  std::string path_of(std::string_view key) const {
    if (key.empty()) return where_.empty() ? "the file" : where_;
    return (where_.empty() ? "" : where_ + ".") + std::string(key);
  }

  const Json& json_;
  std::string file_;
  std::string where_;
};

OrderedJson to_json(const SplitContent& split, Split which) {
  OrderedJson shards = OrderedJson::array();
  for (size_t i = 0; i < split.shards.size(); ++i) {
    const ShardSummary& shard = split.shards[i];
    shards.push_back({{"file", shard_name(which, i)},
                      {"tokens", shard.tokens},
                      {"documents", shard.documents},
                      {"bytes", shard.bytes},
                      {"hash", to_hex(shard.hash)}});
  }
  OrderedJson json = {{"documents", split.documents},
                      {"bytes", split.bytes},
                      {"tokens", split.tokens},
                      {"shards", std::move(shards)}};
  for (size_t i = 0; i < split.features.size(); ++i)
    json["features"].push_back({{"file", features_name(which, i)},
                                {"bytes", split.features[i].bytes},
                                {"hash", to_hex(split.features[i].hash)}});
  return json;
}

SplitContent read_split(const Reader& reader, Split which) {
  SplitContent split{.documents = reader.integer("documents", 0, INT64_MAX),
                     .bytes = reader.integer("bytes", 0, INT64_MAX),
                     .tokens = reader.integer("tokens", 0, INT64_MAX),
                     .shards = {},
                     .features = {}};
  int64_t documents = 0, tokens = 0;
  for (const Reader& shard :
       reader.objects("shards", {"file", "tokens", "documents", "bytes", "hash"})) {
    const std::string name = shard_name(which, split.shards.size());
    if (shard.text("file") != name) shard.fail("file", "is not \"" + name + "\"");
    // What is left of the split bounds each shard, so that the sums cannot overflow.
    split.shards.push_back({.tokens = shard.integer("tokens", 0, split.tokens - tokens),
                            .documents = shard.integer("documents", 0, split.documents - documents),
                            .bytes = shard.integer("bytes", 0, INT64_MAX),
                            .hash = shard.hash("hash")});
    tokens += split.shards.back().tokens;
    documents += split.shards.back().documents;
  }
  for (const Reader& file : reader.objects("features", {"file", "bytes", "hash"})) {
    const std::string name = features_name(which, split.features.size());
    if (file.text("file") != name) file.fail("file", "is not \"" + name + "\"");
    split.features.push_back(
        {.bytes = file.integer("bytes", 0, INT64_MAX), .hash = file.hash("hash")});
  }
  if (!split.features.empty() && split.features.size() != split.shards.size())
    reader.fail("features", "are not as many as shards");
  if (tokens != split.tokens) reader.fail("tokens", "is not the sum over the shards");
  if (documents != split.documents) reader.fail("documents", "is not the sum over the shards");
  return split;
}

void read_tables(const Json& json, const Reader& top, DatasetManifest& manifest) {
  if (json.contains("features"))
    for (const Json& name : json.at("features")) {
      if (!name.is_string()) top.fail("features", "is no list of names");
      manifest.features.push_back(name.get<std::string>());
    }
  if (json.contains("columns") && !json.at("columns").is_array()) top.fail("columns", "is no list");
  try {
    if (json.contains("columns"))
      for (const Json& column : json.at("columns"))
        manifest.columns.push_back(column_statistics_from(column));
  } catch (const Json::exception&) {
    top.fail("columns", "are no statistics of columns");
  } catch (const Error& error) {
    top.fail("columns", std::string("are none: ") + error.what());
  }
  for (const Split which : kSplits)
    if (manifest.split(which).features.empty() !=
        (manifest.features.empty() || manifest.split(which).shards.empty()))
      top.fail("features", "do not fit those of the splits");
}

OrderedJson inputs_json(const DatasetManifest& manifest) {
  OrderedJson list = OrderedJson::array();
  for (const InputSummary& file : manifest.inputs)
    list.push_back({{"path", file.path}, {"bytes", file.bytes}, {"hash", file.hash}});
  return list;
}

OrderedJson stages_json(const DatasetManifest& manifest) {
  OrderedJson list = OrderedJson::array();
  for (const StageReport& stage : manifest.stages) {
    OrderedJson item = to_json(stage);
    item.erase("examples");
    list.push_back(std::move(item));
  }
  return list;
}

StageReport read_stage(const Reader& reader) {
  StageReport stage{.stage = reader.text("stage"),
                    .settings = reader.text("settings"),
                    .documents = reader.integer("documents", 0, INT64_MAX),
                    .changed = reader.integer("changed", 0, INT64_MAX),
                    .dropped = reader.integer("dropped", 0, INT64_MAX),
                    .bytes_in = reader.integer("bytes_in", 0, INT64_MAX),
                    .bytes_out = reader.integer("bytes_out", 0, INT64_MAX)};
  for (const Reader& item : reader.objects("counts", {"what", "count"}))
    stage.counts.push_back({item.text("what"), item.integer("count", 0, INT64_MAX)});
  return stage;
}

SplitBy read_split_by(const Reader& reader) {
  const std::string word = reader.text("by");
  for (const SplitBy by : {SplitBy::kHash, SplitBy::kTail})
    if (word == name_of(by)) return by;
  reader.fail("by", "is neither \"hash\" nor \"tail\"");
}

void check_version(const Json& json, const std::string& file) {
  if (!json.is_object() || !json.contains("format") || json["format"] != kFormat)
    throw Error("'" + file + "' describes no tokens folder (\"format\" is not \"" +
                std::string(kFormat) + "\"); `weft prepare` writes one");
  const bool known = json.contains("version") && json["version"].is_number_integer() &&
                     json["version"] == kVersion;
  if (known) return;
  const bool number = json.contains("version") && json["version"].is_number();
  const std::string given = number ? "version " + json["version"].dump() : "no version number";
  throw Error("'" + file + "' has " + given + ", this program reads version " +
              std::to_string(kVersion) +
              "; use the Weft that wrote it, or run `weft prepare` again");
}

}  // namespace

std::string_view name_of(Split split) {
  return split == Split::kTrain ? "train" : "validation";
}
std::string_view name_of(SplitBy by) {
  return by == SplitBy::kHash ? "hash" : "tail";
}

std::string shard_name(Split split, size_t index) {
  char number[24];
  std::snprintf(number, sizeof number, "-%05zu.weft", index);
  return std::string(name_of(split)) + number;
}
std::string features_name(Split split, size_t index) {
  return Path(shard_name(split, index)).replace_extension(".npy").string();
}

std::string to_json(const DatasetManifest& manifest) {
  OrderedJson left_out = OrderedJson::array();
  for (const LeftOut& item : manifest.left_out)
    left_out.push_back({{"reason", item.reason}, {"count", item.count}, {"example", item.example}});
  OrderedJson json = {
      {"format", kFormat},
      {"version", kVersion},
      {"tokenizer", {{"name", manifest.tokenizer}, {"hash", manifest.tokenizer_hash}}},
      {"vocab_size", manifest.vocab_size},
      {"eos_token_id", manifest.eos_token_id},
      {"val_split",
       {{"by", name_of(manifest.split_by)},
        {"size", manifest.split_size},
        {"seed", manifest.split_seed}}},
      {"input",
       {{"files", manifest.input_files},
        {"bytes", manifest.input_bytes},
        {"hash", manifest.input_hash},
        {"list", inputs_json(manifest)}}},
      {"stages", stages_json(manifest)},
      {"left_out", std::move(left_out)},
      {"train", to_json(manifest.split(Split::kTrain), Split::kTrain)},
      {"validation", to_json(manifest.split(Split::kValidation), Split::kValidation)}};
  if (!manifest.complete) json["complete"] = false;
  if (!manifest.fingerprint.empty()) json["fingerprint"] = manifest.fingerprint;
  if (!manifest.features.empty()) {
    json["features"] = manifest.features;
    for (const ColumnStatistics& column : manifest.columns)
      json["columns"].push_back(to_json(column));
  }
  // File names in examples need not be UTF-8; JSON must be.
  return json.dump(2, ' ', false, OrderedJson::error_handler_t::replace) + "\n";
}

DatasetManifest read_manifest(const Path& folder) {
  const Path file = folder / kManifestName;
  if (real_file_system().status(file).kind == FileKind::kMissing)
    throw Error(quote_path(folder) + " is no tokens folder: it holds no " +
                std::string(kManifestName) + "; `weft prepare INPUT -o " + folder.string() +
                "` makes one");
  refuse_link_outside(folder, file);
  DatasetManifest manifest = read_manifest_file(file);
  for (const Split which : kSplits)
    for (size_t i = 0; i < manifest.split(which).shards.size(); ++i)
      if (const Path shard = folder / shard_name(which, i);
          real_file_system().status(shard).is_link)
        refuse_link_outside(folder, shard);
  return manifest;
}

DatasetManifest read_manifest_file(const Path& file) {
  return parse_manifest(read_text_file(file, kManifestLimits.bytes), printable(file.native()));
}

DatasetManifest parse_manifest(std::string_view text, const std::string& file_name) {
  const Json json = parse_json(text, file_name, kManifestLimits);
  check_version(json, file_name);
  const Reader top(json, file_name, "",
                   {"format", "version", "tokenizer", "vocab_size", "eos_token_id", "val_split",
                    "input", "left_out", "train", "validation"},
                   {"stages", "features", "columns", "complete", "fingerprint"});
  const Reader tokenizer = top.object("tokenizer", {"name", "hash"});
  const Reader val_split = top.object("val_split", {"by", "size", "seed"});
  const Reader input = top.object("input", {"files", "bytes", "hash"}, {"list"});
  DatasetManifest manifest;
  manifest.tokenizer = tokenizer.text("name");
  manifest.tokenizer_hash = tokenizer.text("hash");
  manifest.vocab_size = static_cast<int32_t>(top.integer("vocab_size", 1, INT32_MAX));
  manifest.eos_token_id =
      static_cast<int32_t>(top.integer("eos_token_id", 0, manifest.vocab_size - 1));
  manifest.split_by = read_split_by(val_split);
  manifest.split_size = val_split.fraction("size");
  manifest.split_seed = val_split.unsigned_integer("seed");
  manifest.input_files = input.integer("files", 0, INT64_MAX);
  manifest.input_bytes = input.integer("bytes", 0, INT64_MAX);
  manifest.input_hash = input.text("hash");
  for (const Reader& file : input.objects("list", {"path", "bytes", "hash"}))
    manifest.inputs.push_back({.path = file.text("path"),
                               .bytes = file.integer("bytes", 0, INT64_MAX),
                               .hash = file.text("hash")});
  for (const Reader& stage : top.objects("stages", {"stage", "settings", "documents", "changed",
                                                    "dropped", "bytes_in", "bytes_out", "counts"}))
    manifest.stages.push_back(read_stage(stage));
  for (const Reader& item : top.objects("left_out", {"reason", "count", "example"}))
    manifest.left_out.push_back({.reason = item.text("reason"),
                                 .count = item.integer("count", 0, INT64_MAX),
                                 .example = item.text("example")});
  for (const Split which : kSplits)
    manifest.split(which) = read_split(
        top.object(name_of(which), {"documents", "bytes", "tokens", "shards"}, {"features"}),
        which);
  read_tables(json, top, manifest);
  if (json.contains("complete")) {
    if (!json["complete"].is_boolean()) top.fail("complete", "is neither true nor false");
    manifest.complete = json["complete"].get<bool>();
  }
  if (json.contains("fingerprint")) manifest.fingerprint = top.text("fingerprint");
  return manifest;
}

}  // namespace weft::data
