// What tests of training share: a tokens folder made of generated text, a tiny config on it, and
// runs whose weights, optimizer state and log can be compared bit for bit.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <string>
#include <vector>

#include "config/load.h"
#include "data/prepare.h"
#include "tests/core/temporary_folder.h"
#include "train/load_pretrain_config.h"
#include "train/pretrainer.h"
#include "train/run_page.h"

namespace weft::train {

// Lines that a model can learn something from; different seeds give different ones.
inline std::string generated_text(int lines, uint32_t seed = 1) {
  const char* const words[] = {"warp", "weft", "loom", "thread", "shuttle", "cloth", "the", "a"};
  std::string text;
  for (int line = 0; line < lines; ++line) {
    for (int word = 0; word < 6; ++word) {
      seed = seed * 1664525u + 1013904223u;
      text += std::string(words[seed >> 29]) + " ";
    }
    text += ".\n";
  }
  return text;
}

// Collects what a run tells; may act on it.
class Recorder : public RunListener {
 public:
  void record(const report::LogRecord& record) override {
    records.push_back(record);
    if (on_record) on_record(record);
  }
  void message(const std::string& text) override {
    messages.push_back(text);
    if (on_message) on_message(text);
  }
  // The messages that contain `part`.
  std::vector<std::string> said(const std::string& part) const {
    std::vector<std::string> found;
    for (const std::string& text : messages)
      if (text.find(part) != std::string::npos) found.push_back(text);
    return found;
  }

  std::vector<report::LogRecord> records;
  std::vector<std::string> messages;
  std::function<void(const report::LogRecord&)> on_record;
  std::function<void(const std::string&)> on_message;
};

// Everything that must be equal when two runs are the same: not times, not memory.
struct Trace {
  std::map<std::string, std::vector<float>> tensors;  // weights and optimizer state
  std::vector<std::string> log;                       // of log.jsonl, without clock fields
  bool operator==(const Trace&) const = default;
};

inline std::vector<std::string> log_without_clocks(const Path& folder) {
  std::vector<std::string> lines;
  for (report::LogRecord record :
       report::read_log(real_file_system(), folder / kRunLogFile).records) {
    record.tokens_per_second = record.peak_share = record.eta_seconds = record.wall_time = {};
    record.memory_bytes = {};
    record.data_wait = {};
    lines.push_back(report::to_json(record));
  }
  return lines;
}

class TrainingTest : public testing::Test {
 protected:
  static constexpr const char* kConfig = R"(
model: {model_type: llama, hidden_size: 32, num_hidden_layers: 2, num_attention_heads: 4,
        num_key_value_heads: 2, intermediate_size: 48, vocab_size: 300,
        max_position_embeddings: 32, tie_word_embeddings: true}
sequence_len: 32
micro_batch_size: 2
max_steps: 8
learning_rate: 1e-2
lr_scheduler: cosine
warmup_steps: 2
threads: 1
deterministic: true
report_to: []
)";

  // A tokens folder of `text`, of bytes.
  Path prepare(const std::string& name, const std::string& text,
               const data::SplitOptions& split = {.by = data::SplitBy::kTail, .size = 0.2}) {
    const Path file = folder_.write(name + ".txt", text);
    const Path tokens = folder_ / name;
    data::prepare(*text::load_tokenizer("bytes"),
                  {.inputs = {file.string()}, .output = tokens, .split = split});
    return tokens;
  }
  Path default_tokens() {
    const Path tokens = folder_ / "tokens";
    return std::filesystem::exists(tokens) ? tokens : prepare("tokens", generated_text(120));
  }

  // The config above with `overrides`; the run's folder is `run` in the temporary folder.
  PretrainConfig config(const std::string& run, std::vector<std::string> overrides = {}) {
    const std::string text = std::string(kConfig) +
                             "datasets: [{path: " + default_tokens().string() +
                             "}]\noutput_dir: " + (folder_ / run).string() + "\n";
    return load_pretrain_config(folder_.write("config.yaml", text), overrides).config;
  }

  std::unique_ptr<Pretrainer> open(const PretrainConfig& config) {
    return std::make_unique<Pretrainer>(config,
                                        PretrainOptions{.listener = &recorder_,
                                                        .files = files_,
                                                        .interrupts = &interrupts_,
                                                        .seconds_to_finish = seconds_to_finish_,
                                                        .roof_seconds = 1e-4});
  }
  PretrainResult run(const PretrainConfig& config) { return open(config)->run(); }
  // The same, interrupted after step `step`.
  PretrainResult run_until(const PretrainConfig& config, int64_t step) {
    recorder_.on_record = [this, step](const report::LogRecord& record) {
      if (record.step == step) interrupts_ = 1;
    };
    const PretrainResult result = run(config);
    recorder_.on_record = nullptr;
    interrupts_ = 0;
    return result;
  }

  Path folder_of(const std::string& run) const { return folder_ / run; }
  Path checkpoint(const std::string& run, int64_t step) const {
    return folder_of(run) / ("checkpoint-" + std::to_string(step));
  }
  bool has_checkpoint(const std::string& run, int64_t step) const {
    return std::filesystem::exists(checkpoint(run, step));
  }

  // Of a finished run, by its checkpoint at `step`.
  Trace trace(const std::string& run, int64_t step) const {
    Trace trace{.tensors = {}, .log = log_without_clocks(folder_of(run))};
    for (const char* file : {"model.safetensors", "trainer_state/optimizer.safetensors"}) {
      const io::SafetensorsFile tensors(checkpoint(run, step) / file);
      for (const io::TensorView& tensor : tensors.tensors()) {
        std::vector<float>& values = trace.tensors[std::string(tensor.name)];
        values.resize(static_cast<size_t>(tensor.elements()));
        io::read_floats(tensor, values);
      }
    }
    return trace;
  }

  TemporaryFolder folder_;
  FileSystem* files_ = &real_file_system();
  Recorder recorder_;
  std::atomic<int> interrupts_{0};
  double seconds_to_finish_ = 10;
};

}  // namespace weft::train
