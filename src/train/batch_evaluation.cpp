#include "train/batch_evaluation.h"

#include <algorithm>
#include <cmath>

#include "core/file_system.h"
#include "core/quote.h"
#include "io/safetensors_output.h"
#include "nn/decoder.h"
#include "runtime/forward_session.h"

namespace weft::train {
namespace {

constexpr int64_t kIgnored = -100;

struct Inputs {
  int64_t batch = 0, time = 0;
  std::vector<int64_t> ids, mask, labels;  // labels may be empty
};

std::vector<int64_t> read_matrix(const io::SafetensorsFile& file, const std::string& name,
                                 const Inputs& like) {
  const io::TensorView& tensor = file.at(name);
  if (tensor.shape.size() != 2 ||
      (like.batch > 0 && (tensor.shape[0] != like.batch || tensor.shape[1] != like.time)))
    throw Error(quote_path(file.path()) + ": " + tensor.to_string() +
                " must be [batch, time] like input_ids");
  std::vector<int64_t> values(static_cast<size_t>(tensor.elements()));
  io::read_integers(tensor, values);
  return values;
}

Inputs read_inputs(const Path& path, int64_t vocab_size) {
  const io::SafetensorsFile file(path);
  Inputs in;
  in.ids = read_matrix(file, "input_ids", in);
  in.batch = file.at("input_ids").shape[0];
  in.time = file.at("input_ids").shape[1];
  if (in.ids.empty()) throw Error(quote_path(path) + ": input_ids are empty");
  in.mask = file.find("attention_mask") != nullptr ? read_matrix(file, "attention_mask", in)
                                                   : std::vector<int64_t>(in.ids.size(), 1);
  if (file.find("labels") != nullptr) in.labels = read_matrix(file, "labels", in);
  for (const int64_t id : in.ids)
    if (id < 0 || id >= vocab_size)
      throw Error(quote_path(path) + ": the token id " + std::to_string(id) +
                  " is not in the model's vocabulary of " + std::to_string(vocab_size));
  for (const int64_t label : in.labels)
    if (label != kIgnored && (label < 0 || label >= vocab_size))
      throw Error(quote_path(path) + ": the label " + std::to_string(label) +
                  " is neither a token nor -100");
  return in;
}

// Positions count the tokens only; a token sees the tokens before it and itself. Padding on one
// side leaves one stretch of tokens in each row.
void fill_inputs(const Inputs& in, const runtime::HostInputs& inputs) {
  int32_t* ids = inputs.find(nn::kInputIds, DType::kI32).as<int32_t>();
  int32_t* positions = inputs.find(nn::kPositions, DType::kI32).as<int32_t>();
  int32_t* range = inputs.find(nn::kKeyRange, DType::kI32).as<int32_t>();
  for (int64_t b = 0; b < in.batch; ++b) {
    int32_t first = -1, count = 0;
    for (int64_t t = 0; t < in.time; ++t) {
      const size_t i = static_cast<size_t>(b * in.time + t);
      const bool token = in.mask[i] != 0;
      if (token && first < 0) first = static_cast<int32_t>(t);
      if (token && first + count != t)
        throw Error("attention_mask: row " + std::to_string(b) +
                    " has padding between tokens; padding may stand on one side only");
      ids[i] = static_cast<int32_t>(in.ids[i]);
      positions[i] = token ? count : 0;
      range[2 * i] = token ? first : 0;
      range[2 * i + 1] = token ? static_cast<int32_t>(t) + 1 : 0;
      if (token) ++count;
    }
  }
}

double mean_loss(const Inputs& in, std::span<const float> logits, int64_t vocab_size) {
  const size_t V = static_cast<size_t>(vocab_size);
  double sum = 0;
  int64_t count = 0;
  for (size_t i = 0; i + 1 < in.labels.size(); ++i) {
    const bool last = (static_cast<int64_t>(i) + 1) % in.time == 0;
    if (last || in.labels[i + 1] == kIgnored) continue;
    const auto row = logits.subspan(i * V, V);
    const double largest = static_cast<double>(*std::max_element(row.begin(), row.end()));
    double total = 0;
    for (const float logit : row) total += std::exp(static_cast<double>(logit) - largest);
    sum +=
        std::log(total) + largest - static_cast<double>(row[static_cast<size_t>(in.labels[i + 1])]);
    ++count;
  }
  if (count == 0) throw Error("no label of the batch counts, so it has no loss");
  return sum / static_cast<double>(count);
}

io::TensorToWrite floats(std::string name, std::vector<int64_t> shape,
                         std::span<const float> values) {
  return {.name = std::move(name),
          .type = io::StoredType::kF32,
          .shape = std::move(shape),
          .content = [values](WritableFile& out) { out.write(std::as_bytes(values)); }};
}

std::vector<float> to_floats(const graph::Tensor& tensor) {
  std::vector<float> values(static_cast<size_t>(tensor.type.shape.elements()));
  if (tensor.type.dtype == DType::kF32) {
    std::copy_n(tensor.as<float>(), values.size(), values.begin());
    return values;
  }
  std::transform(tensor.as<BFloat16>(), tensor.as<BFloat16>() + values.size(), values.begin(),
                 [](BFloat16 value) { return static_cast<float>(value); });
  return values;
}

}  // namespace

std::optional<double> evaluate_batch(const nn::DecoderSpec& spec, const io::TensorSet& tensors,
                                     const BatchEvaluation& batch) {
  const Inputs in = read_inputs(batch.input, spec.vocab_size);
  if (in.time > spec.max_positions)
    throw Error("the batch has " + std::to_string(in.time) +
                " tokens a row, the model is made for " + std::to_string(spec.max_positions));
  Graph graph;
  const Value logits = nn::build_logits(
      graph, spec, {.batch = in.batch, .time = in.time, .key_range = true, .dropout = false});
  std::vector<runtime::ForwardGraph> graphs;
  graphs.push_back(runtime::build_forward_graph("logits", graph.data(), {logits}, batch.compute));
  runtime::ForwardSession session(std::move(graphs), batch.threads, batch.device);
  session.load(tensors, spec);
  fill_inputs(in, session.programs().inputs(0));
  session.run(0);
  const std::vector<float> values = to_floats(session.programs().output(0, 0));
  std::vector<io::TensorToWrite> out;
  out.push_back(floats("logits", {in.batch, in.time, spec.vocab_size}, values));
  std::optional<double> loss;
  std::vector<float> stored;
  if (!in.labels.empty()) {
    loss = mean_loss(in, values, spec.vocab_size);
    stored.push_back(static_cast<float>(*loss));
    out.push_back(floats("loss", {1}, stored));
  }
  io::write_safetensors_file(real_file_system(), batch.output, out);
  return loss;
}

}  // namespace weft::train
