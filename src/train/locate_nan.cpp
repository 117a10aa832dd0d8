#include "train/locate_nan.h"

#include <cmath>
#include <optional>

#include "report/number_text.h"
#include "train/feed.h"

namespace weft::train {
namespace {

using graph::GraphData;
using graph::Instruction;
using graph::ValueId;

// Position of the first element that is not finite; -1: there is none.
template <class T>
int64_t first_odd(const graph::Tensor& tensor) {
  const T* values = tensor.as<T>();
  for (int64_t i = 0; i < tensor.type.shape.elements(); ++i)
    if (!std::isfinite(static_cast<float>(values[i]))) return i;
  return -1;
}

int64_t first_odd(const graph::Tensor& tensor) {
  if (tensor.data == nullptr) return -1;
  if (tensor.type.dtype == DType::kF32) return first_odd<float>(tensor);
  return tensor.type.dtype == DType::kBF16 ? first_odd<BFloat16>(tensor) : -1;
}

double value_at(const graph::Tensor& tensor, int64_t i) {
  if (tensor.type.dtype == DType::kBF16)
    return static_cast<double>(static_cast<float>(tensor.as<BFloat16>()[i]));
  return static_cast<double>(tensor.as<float>()[i]);
}

// "element 17 of f32[2, 32] is NaN"
std::string element_text(const graph::Tensor& tensor, int64_t i) {
  return "element " + std::to_string(i) + " of " + tensor.type.to_string() + " is " +
         report::significant(value_at(tensor, i), 4);
}

// Stops looking at the first one.
class Finder final : public graph::Observer {
 public:
  explicit Finder(const Session& session)
      : session_(session), graph_(session.step_program().graph()) {}

  void after(const Instruction& instruction) override {
    std::vector<std::byte> copy;
    for (size_t i = 0; found_.empty() && i < instruction.outputs.size(); ++i) {
      const graph::Tensor output = session_.on_host(instruction.outputs[i], copy);
      if (const int64_t at = first_odd(output); at >= 0)
        found_ = described(instruction, element_text(output, at));
    }
  }
  const std::string& found() const { return found_; }

 private:
  std::string described(const Instruction& instruction, const std::string& element) const {
    const graph::Node& node = graph_.node(instruction.node);
    std::string text = "the operator " + std::string(node.contract->name) + " in '" + node.scope +
                       "' (" + std::string(name_of(node.phase)) +
                       ") is the first whose result is not finite: " + element;
    for (size_t i = 0; i < node.inputs.size(); ++i)
      text += of_parameter(node.inputs[i], "it reads the parameter");
    for (const ValueId id : node.outputs) text += of_gradient(id);
    return text;
  }

  // A parameter, or its copy in the compute type.
  std::string of_parameter(ValueId id, const std::string& words) const {
    if (id == graph::kNoValue) return "";
    const graph::ValueInfo& info = graph_.value(id);
    const ValueId master = info.master != graph::kNoValue ? info.master : id;
    const bool is_parameter = graph_.value(master).kind == ValueKind::kParameter;
    return is_parameter ? "; " + words + " '" + graph_.value(master).name + "'" : "";
  }

  std::string of_gradient(ValueId id) const {
    const std::string& name = graph_.value(id).name;
    const size_t at = name.rfind("@gradient");
    const bool is_one = at != std::string::npos && at > 0 && at + 9 == name.size();
    return is_one ? "; it makes the gradient of '" + name.substr(0, at) + "'" : "";
  }

  const Session& session_;
  const GraphData& graph_;
  std::string found_;
};

std::string odd_ones(const std::vector<NamedTensor>& tensors, const std::string& what) {
  std::string first;
  int64_t count = 0;
  for (const NamedTensor& entry : tensors) {
    const int64_t at = first_odd(entry.tensor);
    if (at < 0) continue;
    if (count++ == 0) first = "'" + entry.name + "', of which " + element_text(entry.tensor, at);
  }
  if (count == 0) return "";
  return "; " + what + " " + std::to_string(count) + " of " + std::to_string(tensors.size()) +
         " parameters, the first is " + first;
}

}  // namespace

std::string locate_nan(Session& session, const StepToReplay& step) {
  const std::string before = odd_ones(session.parameters(), "not finite before the step began are");
  Finder finder(session);
  const data::BatchSource& batches = step.batches;
  data::Batch batch(batches.rows(), batches.sequence_len());
  std::optional<int64_t> where;  // the micro-batch
  session.begin_step(batches.labels(step.index));
  for (int64_t micro = 0; micro < batches.micro_batches(); ++micro) {
    batches.fill(step.index, micro, batch);
    feed(session.inputs(), batch,
         {.seed = step.seed,
          .step = step.index,
          .micro_batch = micro,
          .micro_batches = batches.micro_batches()});
    session.micro_batch(&finder);
    if (!where && !finder.found().empty()) where = micro;
  }
  session.forbid_update();
  const std::string gradients = odd_ones(session.gradients(), "not finite are the gradients of");
  session.end_step(step.learning_rate, &finder);
  session.set_updates(session.updates() - 1);
  std::string text = "replay of step " + std::to_string(step.index + 1);
  if (where) text += ", micro-batch " + std::to_string(*where + 1);
  text += ": ";
  if (finder.found().empty())
    return text + "every result is finite this time; did the machine miscompute?" + before;
  return text + finder.found() + before + gradients;
}

}  // namespace weft::train
