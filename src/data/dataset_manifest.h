// dataset.json: what a tokens folder holds, and how it came to be. docs/formats.md tells its keys.
// It knows no tokens; shards are shard_reader.h's.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/file_system.h"
#include "data/clean/stage_report.h"
#include "data/clean/table_statistics.h"
#include "data/npy_file.h"
#include "data/shard_writer.h"

namespace weft::data {

enum class Split { kTrain, kValidation };
inline constexpr std::array kSplits = {Split::kTrain, Split::kValidation};
// "train", "validation".
std::string_view name_of(Split split);

enum class SplitBy { kHash, kTail };
// "hash", "tail".
std::string_view name_of(SplitBy by);

struct SplitContent {
  int64_t documents = 0;
  int64_t bytes = 0;   // of text
  int64_t tokens = 0;  // with those that begin and end documents
  std::vector<ShardSummary> shards;
  std::vector<NpySummary> features;  // of each shard, if there are any

  bool operator==(const SplitContent&) const = default;
};

// Something of the input that is in no split.
struct LeftOut {
  std::string reason;
  int64_t count = 0;
  std::string example;  // the first one

  bool operator==(const LeftOut&) const = default;
};

// One file of the input.
struct InputSummary {
  std::string path;
  int64_t bytes = 0;
  std::string hash;  // XXH3-128; "" if it was not read to its end

  bool operator==(const InputSummary&) const = default;
};

struct DatasetManifest {
  bool complete = true;        // false while `weft prepare` writes it: shards may still come
  std::string tokenizer;       // its name: "bytes", "chars", "bpe"
  std::string tokenizer_hash;  // tokenizer_hash() of prepare.h
  int32_t vocab_size = 0;
  int32_t eos_token_id = 0;
  SplitBy split_by = SplitBy::kHash;
  double split_size = 0;  // asked for, of the bytes; what came out is in `splits`
  uint64_t split_seed = 0;
  int64_t input_files = 0;
  int64_t input_bytes = 0;
  std::string input_hash;   // XXH3-128 of all text that was read, in order
  std::string fingerprint;  // of all that the shards depend on but the content of the input
  std::vector<InputSummary> inputs;  // at most kMostListedInputs of them
  std::vector<StageReport> stages;   // without their examples
  std::vector<LeftOut> left_out;
  // Of inputs with stages of tables; otherwise empty.
  std::vector<std::string> features;      // what the numbers beside each document are
  std::vector<ColumnStatistics> columns;  // what the stages learned
  std::array<SplitContent, 2> splits;

  SplitContent& split(Split which) { return splits[static_cast<size_t>(which)]; }
  const SplitContent& split(Split which) const { return splits[static_cast<size_t>(which)]; }
  bool operator==(const DatasetManifest&) const = default;
};

inline constexpr size_t kMostListedInputs = 50'000;
inline constexpr std::string_view kManifestName = "dataset.json";

// "train-00000.weft". The names of a folder's shards follow from their number; none is ever read
// from a file.
std::string shard_name(Split split, size_t index);
// "train-00000.npy", beside it: the features of the documents that start in it.
std::string features_name(Split split, size_t index);

// Equal manifests give equal bytes.
std::string to_json(const DatasetManifest& manifest);

// Reads `folder`/dataset.json strictly. Throws Error naming the file and the key: missing, unknown,
// of another type or out of range, or a version this program does not know.
DatasetManifest read_manifest(const Path& folder);
// The same of a dataset.json wherever it lies.
DatasetManifest read_manifest_file(const Path& file);
DatasetManifest parse_manifest(std::string_view json, const std::string& file_name);

}  // namespace weft::data
