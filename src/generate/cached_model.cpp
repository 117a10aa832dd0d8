#include "generate/cached_model.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "graph/registry.h"
#include "nn/decoder.h"

namespace weft::generate {
namespace {

constexpr int32_t kNowhere = -1;  // a slot that drops its token: padding
constexpr int64_t kLargestChunk = 256;
constexpr int64_t kChunkUnit = 16;

// Logits are chosen from in fp32.
graph::ValueId as_float(graph::GraphData& data, graph::ValueId id) {
  if (data.value(id).type.dtype == DType::kF32) return id;
  const graph::BuildContext context(data, "head", graph::Phase::kForward);
  return graph::roles().cast(data.handle(id), DType::kF32).id();
}

runtime::ForwardGraph decoding_graph(const nn::DecoderSpec& spec, const CacheOptions& options,
                                     bool logits) {
  Graph graph;
  const nn::DecodingGraph built = nn::build_decoding(graph, spec,
                                                     {.batch = options.batch,
                                                      .time = logits ? 1 : options.chunk,
                                                      .capacity = options.capacity,
                                                      .logits = logits});
  graph::Values outputs;
  if (logits) outputs.push_back(built.logits);
  runtime::ForwardGraph forward = runtime::build_forward_graph(
      logits ? "decode" : "prefill", graph.data(), outputs, options.compute);
  for (graph::ValueId& output : forward.outputs) output = as_float(*forward.data, output);
  return forward;
}

int32_t* values_of(const runtime::HostInputs& inputs, std::string_view name) {
  return inputs.find(name, DType::kI32).as<int32_t>();
}

}  // namespace

int64_t chunk_for(int64_t prompt_tokens) {
  const int64_t tokens = std::max<int64_t>(1, prompt_tokens - 1);  // the last one is decoded
  const int64_t parts = (tokens + kLargestChunk - 1) / kLargestChunk;
  return ((tokens + parts - 1) / parts + kChunkUnit - 1) / kChunkUnit * kChunkUnit;
}

std::vector<runtime::ForwardGraph> generation_graphs(const nn::DecoderSpec& spec,
                                                     const CacheOptions& options) {
  if (options.capacity > spec.max_positions)
    throw Error("the model is made for " + std::to_string(spec.max_positions) +
                " tokens; prompt and new tokens together are " + std::to_string(options.capacity));
  std::vector<runtime::ForwardGraph> graphs;
  graphs.push_back(decoding_graph(spec, options, false));
  graphs.push_back(decoding_graph(spec, options, true));
  return graphs;
}

CachedModel::CachedModel(const nn::DecoderSpec& spec, const CacheOptions& options,
                         const GenerationPrograms& programs)
    : spec_(spec),
      options_(options),
      programs_(programs),
      tokens_(spec.vocab_size),
      lengths_(static_cast<size_t>(options.batch), 0) {}

void CachedModel::reset() {
  std::fill(lengths_.begin(), lengths_.end(), 0);
}

void CachedModel::limit_vocabulary(int64_t tokens) {
  if (tokens < 1 || tokens > spec_.vocab_size)
    throw Error("the tokenizer has " + std::to_string(tokens) + " tokens, the model " +
                std::to_string(spec_.vocab_size) +
                "; take the tokenizer that belongs to the model");
  tokens_ = tokens;
}

// All places are padding until a token is put there: it goes nowhere and sees nothing.
void CachedModel::clear_inputs(const runtime::HostInputs& inputs) const {
  const auto fill = [&](std::string_view name, int32_t value) {
    const graph::Tensor tensor = inputs.find(name, DType::kI32);
    std::fill_n(tensor.as<int32_t>(), tensor.type.shape.elements(), value);
  };
  fill(nn::kInputIds, 0);
  fill(nn::kPositions, 0);
  fill(nn::kSlots, kNowhere);
  fill(nn::kKeyRange, 0);
  if (spec_.window > 0) fill(nn::kWindowKeyRange, 0);
}

void CachedModel::place(const runtime::HostInputs& inputs, const Token& token) {
  int64_t& length = lengths_[static_cast<size_t>(token.row)];
  if (length >= options_.capacity)
    throw Error("a sequence has more than the " + std::to_string(options_.capacity) +
                " tokens that the cache holds");
  const int64_t time = inputs.find(nn::kInputIds, DType::kI32).type.shape[1];
  const int64_t at = token.row * time + token.column;
  const int32_t position = static_cast<int32_t>(length++);
  values_of(inputs, nn::kInputIds)[at] = token.id;
  values_of(inputs, nn::kPositions)[at] = position;
  values_of(inputs, nn::kSlots)[at] = position;
  int32_t* range = values_of(inputs, nn::kKeyRange) + 2 * at;
  range[0] = 0;
  range[1] = position + 1;
  if (spec_.window == 0) return;
  int32_t* window = values_of(inputs, nn::kWindowKeyRange) + 2 * at;
  window[0] = std::max(0, position + 1 - static_cast<int32_t>(spec_.window));
  window[1] = position + 1;
}

// Everything but the last token of each row.
void CachedModel::prefill(std::span<const std::vector<int32_t>> tokens) {
  size_t longest = 0;
  for (const auto& row : tokens) longest = std::max(longest, row.size());
  const size_t chunk = static_cast<size_t>(options_.chunk);
  for (size_t begin = 0; begin + 1 < longest; begin += chunk) {
    const runtime::HostInputs inputs = programs_.programs.inputs(program(false));
    clear_inputs(inputs);
    for (size_t r = 0; r < tokens.size(); ++r)
      for (size_t i = begin; i < begin + chunk && i + 1 < tokens[r].size(); ++i)
        place(inputs, {static_cast<int64_t>(r), static_cast<int64_t>(i - begin), tokens[r][i]});
    programs_.programs.run(program(false), programs_.parallel);
  }
}

std::span<const float> CachedModel::append(std::span<const std::vector<int32_t>> tokens) {
  WEFT_ASSERT(static_cast<int64_t>(tokens.size()) == options_.batch);
  prefill(tokens);
  const runtime::HostInputs inputs = programs_.programs.inputs(program(true));
  clear_inputs(inputs);
  for (size_t r = 0; r < tokens.size(); ++r)
    if (!tokens[r].empty()) place(inputs, {static_cast<int64_t>(r), 0, tokens[r].back()});
  programs_.programs.run(program(true), programs_.parallel);
  const std::span<float> logits(programs_.programs.output(program(true), 0).as<float>(),
                                static_cast<size_t>(options_.batch * spec_.vocab_size));
  for (size_t row = 0; row < lengths_.size(); ++row) {
    const auto begin = logits.begin() + static_cast<std::ptrdiff_t>(row) * spec_.vocab_size;
    std::fill(begin + tokens_, begin + spec_.vocab_size, -std::numeric_limits<float>::infinity());
  }
  return logits;
}

void CachedModel::reorder(std::span<const int32_t> parents) {
  WEFT_ASSERT(static_cast<int64_t>(parents.size()) == options_.batch);
  std::vector<std::byte> old, reordered;
  for (int64_t layer = 0; layer < spec_.layers; ++layer)
    for (const bool values : {false, true}) {
      const std::string name = nn::cache_name(layer, values);
      old.resize(static_cast<size_t>(programs_.programs.shared(name).type.bytes()));
      reordered.resize(old.size());
      const size_t row = old.size() / parents.size();
      programs_.programs.read_shared(name, old);
      for (size_t r = 0; r < parents.size(); ++r)
        std::memcpy(reordered.data() + r * row, old.data() + static_cast<size_t>(parents[r]) * row,
                    row);
      programs_.programs.write_shared(name, reordered);
    }
  const std::vector<int64_t> lengths = lengths_;
  for (size_t r = 0; r < parents.size(); ++r)
    lengths_[r] = lengths[static_cast<size_t>(parents[r])];
}

}  // namespace weft::generate
