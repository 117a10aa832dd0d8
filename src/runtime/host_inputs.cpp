#include "runtime/host_inputs.h"

namespace weft::runtime {

using graph::kNoValue;
using graph::ValueId;
using graph::ValueInfo;

namespace {

// "ids, labels": what the user named.
std::string input_names(const graph::GraphData& data) {
  std::string names;
  for (const ValueInfo& info : data.values)
    if (info.kind == ValueKind::kInput && info.name.front() != '@')
      names += (names.empty() ? "" : ", ") + info.name;
  return names.empty() ? "none" : names;
}

}  // namespace

graph::Tensor HostInputs::find(std::string_view name, DType dtype) const {
  const ValueId id = graph_.find(name);
  if (id == kNoValue || graph_.value(id).kind != ValueKind::kInput)
    throw Error("the program has no input '" + std::string(name) + "'; it has " +
                input_names(graph_));
  const TensorType& type = graph_.value(id).type;
  if (type.dtype != dtype)
    throw Error("the input '" + std::string(name) + "' is " + type.to_string() +
                ", it was asked for as " + std::string(name_of(dtype)));
  return {address_(id), type};
}

graph::Tensor find_input(const graph::Program& program, std::string_view name, DType dtype) {
  return HostInputs(program).find(name, dtype);
}

}  // namespace weft::runtime
