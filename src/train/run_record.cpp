#include "train/run_record.h"

#include <gnu/libc-version.h>
#include <sys/utsname.h>

#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "config/load.h"
#include "core/process.h"
#include "data/dataset_manifest.h"
#include "data/streamed_dataset.h"
#include "io/hash.h"
#include "weft/kernel_choice.h"

namespace weft::train {
namespace {

using nlohmann::ordered_json;

ordered_json machine() {
  utsname system{};
  ::uname(&system);
  return {{"host", system.nodename},
          {"system", std::string(system.sysname) + " " + system.release + " " + system.machine},
          {"processor", processor_name()},
          {"processor_features", processor_features()}};
}

ordered_json versions() {
  return {{"weft", WEFT_VERSION},
          {"compiler", __VERSION__},
          {"c_library", std::string("glibc ") + ::gnu_get_libc_version()},
          {"kernel_libraries", kernel_libraries()}};
}

std::string hex_of(uint64_t hash) {
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(hash));
  return text.data();
}

ordered_json data_of(const PretrainConfig& config) {
  ordered_json list = ordered_json::array();
  for (const DatasetConfig& dataset : config.datasets) {
    const data::DatasetManifest manifest = data::read_manifest(data::current_folder(dataset.path));
    ordered_json shards = ordered_json::object();
    for (const data::Split split : data::kSplits) {
      ordered_json& hashes = shards[std::string(name_of(split))] = ordered_json::array();
      for (const data::ShardSummary& shard : manifest.split(split).shards)
        hashes.push_back(hex_of(shard.hash));
    }
    list.push_back({{"path", dataset.path},
                    {"input_hash", manifest.input_hash},
                    {"tokenizer_hash", manifest.tokenizer_hash},
                    {"shard_hashes", std::move(shards)}});
  }
  return list;
}

ordered_json or_null(const std::string& text) {
  return text.empty() ? ordered_json(nullptr) : ordered_json(text);
}

}  // namespace

std::string run_record(const RunStart& start) {
  const std::string config = config::print(start.config);
  const ordered_json out = {{"started", utc_text(wall_seconds())},
                            {"process", process_number()},
                            {"command_line", command_line()},
                            {"environment", environment_of({"WEFT_", "OMP_", "MALLOC_"})},
                            {"first_step", start.first_step},
                            {"checkpoint", or_null(start.checkpoint)},
                            {"versions", versions()},
                            {"machine", machine()},
                            {"threads", start.threads},
                            {"device", start.device},
                            {"kernels", start.kernels},
                            {"products", start.products},
                            {"tokenizer_hash", start.tokenizer_hash},
                            {"data", data_of(start.config)},
                            {"data_order", start.data_order},
                            {"config_hash", io::hash_hex(config)},
                            {"config", config}};
  return out.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

void append_line(FileSystem& files, const Path& file, const std::string& line) {
  if (files.status(file).kind != FileKind::kMissing) {
    std::string text = files.read(file, kLargestRunRecord);
    if (!text.empty() && !text.ends_with('\n')) {
      text.resize(text.rfind('\n') + 1);  // nothing where there is none: npos + 1 is 0
      write_file_atomically(files, file, text);
    }
  }
  const auto out = files.open_for_writing(file, WriteMode::kAppend);
  out->write(line + "\n");
  out->sync();
  out->close();
}

}  // namespace weft::train
