#include "runtime/model_files.h"
#include "core/quote.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <set>

namespace weft::runtime {
namespace {

// Buffers that older versions of transformers saved beside the weights; they hold no training.
bool is_known_buffer(std::string_view name) {
  return name.ends_with(".attn.bias") || name.ends_with(".attn.masked_bias") ||
         name.ends_with("rotary_emb.inv_freq");
}

constexpr int64_t kPiece = 65536;  // elements

// The published GPT-2 files lack the prefix that transformers itself writes.
std::string without_root(const std::string& name) {
  return name.substr(name.find('.') + 1);
}

// Which tensor of the files is which of the model's, and what does not fit.
class Matcher {
 public:
  Matcher(const io::TensorSet& tensors, const nn::DecoderSpec& spec)
      : tensors_(tensors), spec_(spec), file_(quote_path(tensors.path())) {}

  const io::TensorView* find(const nn::TensorName& name) {
    for (const std::string& candidate : {name.file_name, without_root(name.file_name)})
      if (const io::TensorView* tensor = tensors_.find(candidate)) {
        used_.insert(candidate);
        return tensor;
      }
    return nullptr;
  }
  // What is wrong with what find() returned; empty if nothing is.
  std::string problem(const nn::TensorName& name, const io::TensorView* tensor) const {
    if (tensor == nullptr)
      return file_ + " has no tensor '" + name.file_name +
             "', which the model needs; is config.json of another model?";
    if (std::equal(tensor->shape.begin(), tensor->shape.end(), name.shape.begin(),
                   name.shape.end()))
      return "";
    return file_ + " has the tensor " + tensor->to_string() +
           "; the model's config.json makes it " + name.shape.to_string();
  }
  // What is wrong with a tensor that find() has not found, after all have been looked for.
  std::string problem_of_extra(const io::TensorView& tensor) const {
    if (used_.count(std::string(tensor.name)) != 0 || is_known_buffer(tensor.name) ||
        is_tied_head(tensor))
      return "";
    return file_ + " has the tensor " + tensor.to_string() +
           ", which the model of its config.json does not have";
  }

 private:
  // A tied head may stand in the file as well; it must then be the embedding.
  bool is_tied_head(const io::TensorView& tensor) const {
    if (!spec_.tied_head || tensor.name != "lm_head.weight") return false;
    const std::string embedding = nn::parameter_name(spec_.family, nn::Part::kEmbedding, 0);
    for (const std::string& name : {embedding, without_root(embedding)})
      if (const io::TensorView* table = tensors_.find(name))
        return std::equal(table->bytes.begin(), table->bytes.end(), tensor.bytes.begin(),
                          tensor.bytes.end());
    return false;
  }

  const io::TensorSet& tensors_;
  const nn::DecoderSpec& spec_;
  std::string file_;
  std::set<std::string> used_;
};

// What the loader would say to the type of the tensor; empty if it can be read.
std::string problem_of_type(const io::TensorView& tensor) {
  try {
    float value = 0;
    io::read_floats(tensor, 0, {&value, 1});
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

class WeightLoader {
 public:
  WeightLoader(const io::TensorSet& tensors, const nn::DecoderSpec& spec, const FindParameter& find)
      : tensors_(tensors), spec_(spec), find_(find), matcher_(tensors, spec) {}

  void run() {
    for (const nn::TensorName& name : nn::tensor_names(spec_)) load(name);
    for (const io::TensorView& tensor : tensors_.tensors())
      refuse(matcher_.problem_of_extra(tensor));
  }

 private:
  static void refuse(const std::string& problem) {
    if (!problem.empty()) throw Error(problem);
  }

  void load(const nn::TensorName& name) {
    const io::TensorView* found = matcher_.find(name);
    refuse(matcher_.problem(name, found));
    const io::TensorView& tensor = *found;
    ParameterMemory memory = find_(name.parameter);
    if (memory.master != nullptr) memory.master += name.offset;
    if (memory.copy != nullptr) memory.copy += name.offset;
    if (tensor.type == io::StoredType::kBF16 && memory.master == nullptr) {
      if (memory.copy != nullptr)
        std::memcpy(memory.copy, tensor.bytes.data(), tensor.bytes.size());
      return;
    }
    for (int64_t begin = 0; begin < name.shape.elements(); begin += kPiece)
      load_piece(tensor, begin, std::min(kPiece, name.shape.elements() - begin), memory);
  }

  // A piece at a time, so that a tensor is converted in the cache and no second copy of it exists.
  void load_piece(const io::TensorView& tensor, int64_t begin, int64_t count,
                  const ParameterMemory& memory) {
    buffer_.resize(static_cast<size_t>(kPiece));
    float* const values = memory.master == nullptr ? buffer_.data() : memory.master + begin;
    io::read_floats(tensor, begin, {values, static_cast<size_t>(count)});
    if (memory.copy != nullptr)
      std::transform(values, values + count, memory.copy + begin,
                     [](float value) { return BFloat16(value); });
  }

  const io::TensorSet& tensors_;
  const nn::DecoderSpec& spec_;
  const FindParameter& find_;
  Matcher matcher_;
  std::vector<float> buffer_;
};

}  // namespace

void load_weights(const io::TensorSet& tensors, const nn::DecoderSpec& spec,
                  const FindParameter& find) {
  WeightLoader(tensors, spec, find).run();
}

std::vector<std::string> weight_problems(const io::TensorSet& tensors,
                                         const nn::DecoderSpec& spec) {
  std::vector<std::string> problems;
  const auto keep = [&](std::string problem) {
    if (!problem.empty()) problems.push_back(std::move(problem));
  };
  Matcher matcher(tensors, spec);
  for (const nn::TensorName& name : nn::tensor_names(spec)) {
    const io::TensorView* tensor = matcher.find(name);
    std::string problem = matcher.problem(name, tensor);
    keep(problem.empty() ? problem_of_type(*tensor) : std::move(problem));
  }
  for (const io::TensorView& tensor : tensors.tensors()) keep(matcher.problem_of_extra(tensor));
  return problems;
}

io::StoredType weights_type(const io::TensorSet& tensors, const nn::DecoderSpec& spec) {
  Matcher matcher(tensors, spec);
  std::optional<io::StoredType> type;
  for (const nn::TensorName& name : nn::tensor_names(spec)) {
    const io::TensorView* tensor = name.shape.rank() < 2 ? nullptr : matcher.find(name);
    if (tensor == nullptr) continue;  // load_weights() misses it
    if (type && *type != tensor->type) return io::StoredType::kF32;
    type = tensor->type;
  }
  const bool is_half = type == io::StoredType::kBF16 || type == io::StoredType::kF16;
  return is_half ? *type : io::StoredType::kF32;
}

std::vector<io::TensorToWrite> weights_to_write(const nn::DecoderSpec& spec,
                                                const std::vector<NamedTensor>& parameters,
                                                io::StoredType type) {
  std::map<std::string_view, const float*> memory;
  for (const NamedTensor& entry : parameters) memory[entry.name] = entry.tensor.as<float>();
  std::vector<io::TensorToWrite> result;
  for (const nn::TensorName& name : nn::tensor_names(spec)) {
    const std::span<const float> values(memory.at(name.parameter) + name.offset,
                                        static_cast<size_t>(name.shape.elements()));
    result.push_back(
        io::floats_to_write(name.file_name, {name.shape.begin(), name.shape.end()}, values, type));
  }
  return result;
}

io::TensorToWrite tensor_to_write(std::string name, const graph::Tensor& tensor) {
  const std::span<const float> values(tensor.as<float>(),
                                      static_cast<size_t>(tensor.type.shape.elements()));
  return {.name = std::move(name),
          .type = io::StoredType::kF32,
          .shape = {tensor.type.shape.begin(), tensor.type.shape.end()},
          .content = [values](WritableFile& out) { out.write(std::as_bytes(values)); }};
}

}  // namespace weft::runtime
