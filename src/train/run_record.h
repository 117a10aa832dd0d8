// run_record.jsonl: what a run would have to be repeated with. One line for every process that took
// part in it, written at its start: versions, processor, kernels, command line, resolved config,
// hashes of the data. Not here: what the run did (log.jsonl).
#pragma once

#include <string>
#include <vector>

#include "core/file_system.h"
#include "ops/kernel_chooser.h"
#include "train/pretrain_config.h"

namespace weft::train {

inline constexpr std::string_view kRunRecordFile = "run_record.jsonl";
inline constexpr int64_t kLargestRunRecord = int64_t{1} << 30;  // bytes of the file

struct RunStart {
  const PretrainConfig& config;
  int threads = 1;
  std::string device;         // what computes, and why
  std::string kernels;        // that it computes with
  ops::CallChoices products;  // on a GPU: which kernels multiply
  int64_t first_step = 0;
  std::string checkpoint;  // folder that the run goes on from; empty: none
  std::string tokenizer_hash;
  std::string data_order;  // what the order of samples depends on
};

// The line, without a newline. Reads the datasets' manifests.
std::string run_record(const RunStart& start);

// Appends a line durably; a line that a killed process left torn is cut off first.
void append_line(FileSystem& files, const Path& file, const std::string& line);

}  // namespace weft::train
