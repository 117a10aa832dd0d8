// A copy on the host of blocks that live on a device: what checkpoints are written from and read
// into, and where parameters begin.
#pragma once

#include <vector>

#include "graph/device_queues.h"
#include "graph/program.h"

namespace weft::train {

class HostMirror {
 public:
  // Of values of the program, each of which survives steps. Both must outlive this.
  HostMirror(const graph::Program& program, graph::DeviceQueues& queues,
             std::vector<graph::ValueId> blocks);

  static int64_t bytes(const graph::GraphData& graph, const std::vector<graph::ValueId>& blocks);

  // The block on the host, as it was at the last fetch() or send().
  graph::Tensor tensor(graph::ValueId block) const;
  // Copies the block from the device, or to it, and waits.
  void fetch(graph::ValueId block) const;
  void send(graph::ValueId block) const;

 private:
  struct Place {
    graph::ValueId block;
    int64_t offset;
  };

  const graph::Program& program_;
  graph::DeviceQueues& queues_;
  device::PinnedMemory memory_;
  std::vector<Place> places_;
};

}  // namespace weft::train
