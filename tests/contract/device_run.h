// One run of an operator's kernel on a device: every operand in an allocation of its own.
#pragma once

#include <vector>

#include "graph/device_queues.h"
#include "operands.h"

namespace weft::test {

struct DeviceRun {
  std::vector<std::vector<std::byte>> outputs;
  bool inputs_unchanged = true;
};
DeviceRun run_on_device_of(const KernelSetup& setup, graph::DeviceQueues& queues,
                           const graph::Pair* alias);

}  // namespace weft::test
