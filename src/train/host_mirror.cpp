#include "train/host_mirror.h"

#include <cstring>

namespace weft::train {

using graph::ValueId;

int64_t HostMirror::bytes(const graph::GraphData& graph, const std::vector<ValueId>& blocks) {
  int64_t sum = 0;
  for (const ValueId id : blocks) sum += align_up(graph.value(id).type.bytes());
  return sum;
}

HostMirror::HostMirror(const graph::Program& program, graph::DeviceQueues& queues,
                       std::vector<ValueId> blocks)
    : program_(program),
      queues_(queues),
      memory_(queues.stream(0).device(), bytes(program.graph(), blocks)) {
  std::memset(memory_.data(), 0, static_cast<size_t>(memory_.bytes()));
  int64_t offset = 0;
  for (const ValueId id : blocks) {
    places_.push_back({id, offset});
    offset += align_up(program.graph().value(id).type.bytes());
  }
}

graph::Tensor HostMirror::tensor(ValueId block) const {
  for (const Place& place : places_)
    if (place.block == block)
      return {memory_.data() + place.offset, program_.graph().value(block).type};
  WEFT_ASSERT(false);
}

void HostMirror::fetch(ValueId block) const {
  const graph::Tensor to = tensor(block);
  queues_.download({static_cast<std::byte*>(to.data), static_cast<size_t>(to.type.bytes())},
                   program_.tensor(block).data);
}

void HostMirror::send(ValueId block) const {
  const graph::Tensor from = tensor(block);
  queues_.upload(program_.tensor(block).data, {static_cast<const std::byte*>(from.data),
                                               static_cast<size_t>(from.type.bytes())});
}

}  // namespace weft::train
