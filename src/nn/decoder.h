// Decoder-only language models as graphs: one set of layers for GPT-2, Llama, Mistral and Qwen.
#pragma once

#include <vector>

#include "nn/decoder_spec.h"
#include "nn/tensor_names.h"
#include "weft/graph.h"
#include "weft/ops/cache_write.h"
#include "weft/ops/cross_entropy.h"

namespace weft::nn {

// Names of a program's inputs.
inline constexpr std::string_view kInputIds = "input_ids";   // i32 [B, T]
inline constexpr std::string_view kPositions = "positions";  // i32 [B, T]
inline constexpr std::string_view kLabels = "labels";        // i32 [B, T], -100: does not count
inline constexpr std::string_view kKeyRange = "key_range";   // i32 [B, T, 2]: keys [begin, end)
// The same for layers with a sliding window, in programs for decoding.
inline constexpr std::string_view kWindowKeyRange = "window_key_range";
inline constexpr std::string_view kSlots = "slots";  // i32 [B, T]: places in the cache
inline constexpr std::string_view kRng = "rng";      // i64 [3]: see weft/ops/dropout.h

struct TrainingGraphOptions {
  int64_t batch = 1;
  int64_t time = 1;
  bool key_range = false;  // with document masks or padding
  bool dropout = true;     // false: evaluation
  uint64_t dropout_key = 0;
  ops::CrossEntropyParams loss = {};
};

// The loss of a batch, f32[1]: the sum over the labels that count. `labels[t]` is the token that
// follows `input_ids[t]`.
Value build_loss(Graph& graph, const DecoderSpec& spec, const TrainingGraphOptions& options);

// Logits [B, T, V] of a batch.
Value build_logits(Graph& graph, const DecoderSpec& spec, const TrainingGraphOptions& options);

struct DecodingGraphOptions {
  int64_t batch = 1;
  int64_t time = 1;      // new tokens per run
  int64_t capacity = 1;  // tokens that the caches hold
  bool logits = true;    // false: only fills the caches
};

// One run takes `time` new tokens of each sequence, adds their keys and values to the caches
// (states of the graph) and gives logits [B, T, V], if they are asked for.
struct DecodingGraph {
  Value logits;                     // absent if not asked for
  std::vector<ops::Caches> caches;  // by layer: [B, capacity, K, D]
};
DecodingGraph build_decoding(Graph& graph, const DecoderSpec& spec,
                             const DecodingGraphOptions& options);

// Names of the caches' states.
std::string cache_name(int64_t layer, bool values);

}  // namespace weft::nn
