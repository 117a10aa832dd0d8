// Everything of a pretraining run that can go wrong later and can be known now: paths, tokenizer
// against data and model, whether the data can be read and decoded, the batch, the schedule, memory
// and disk. Nothing is trained, written or kept.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "train/pretrain_config.h"

namespace weft::train {

enum class Verdict : uint8_t {
  kFine,
  kDoubtful,  // the run would start and probably not do what is wanted
  kFails,     // the run would end with an error
};

std::string_view name_of(Verdict verdict);

struct Finding {
  Verdict verdict = Verdict::kFine;
  std::string_view subject;  // "tokenizer", "disk", ...
  std::string text;
};

// A row of the first batches, as the model will see it.
struct SampleRow {
  std::vector<int32_t> input_ids;
  std::vector<int32_t> labels;     // the next token, or data::kIgnoredLabel
  std::vector<int32_t> positions;  // start anew where a document begins that sees no other
};

struct Preflight {
  std::vector<Finding> findings;  // in the order in which a run would meet them
  std::vector<SampleRow> rows;    // none where the data cannot be read

  bool would_fail() const;
};

struct PreflightOptions {
  int threads = 1;
  int64_t memory_bytes = 0;    // what the run may take; 0: what the system has to give
  int64_t rows = 2;            // of the first batches, to be shown
  double seconds_of_data = 1;  // spent on reading and decoding samples of the data
};

// A check that fails is a finding; those that need what it would have given are left out and named.
Preflight run_preflight(const PretrainConfig& config, const PreflightOptions& options);

}  // namespace weft::train
