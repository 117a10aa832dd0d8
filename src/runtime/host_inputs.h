// Where the host writes what a program is given: the inputs' own memory on the CPU, staging that is
// copied on a device.
#pragma once

#include <functional>
#include <string_view>

#include "graph/program.h"

namespace weft::runtime {

class HostInputs {
 public:
  using Address = std::function<std::byte*(graph::ValueId)>;

  // Of a program on the CPU, which must outlive this.
  HostInputs(const graph::Program& program)  // NOLINT(google-explicit-constructor): it is that
      : HostInputs(program.graph(), [&program](graph::ValueId id) {
          return static_cast<std::byte*>(program.tensor(id).data);
        }) {}
  // `graph` must outlive this.
  HostInputs(const graph::GraphData& graph, Address address)
      : graph_(graph), address_(std::move(address)) {}

  bool has(std::string_view name) const { return graph_.find(name) != graph::kNoValue; }
  // The input `name`. Throws Error for an unknown name or if its type is not `dtype`.
  graph::Tensor find(std::string_view name, DType dtype) const;

 private:
  const graph::GraphData& graph_;
  Address address_;
};

// The same of a program on the CPU.
graph::Tensor find_input(const graph::Program& program, std::string_view name, DType dtype);

}  // namespace weft::runtime
