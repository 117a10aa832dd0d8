// Checks an operator against its own contract. Names no operator.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "graph/device_queues.h"
#include "graph/op_contract.h"

namespace weft::test {

// What is wrong with the operator; empty if nothing is. `kernel` is the kernel to check.
std::vector<std::string> check_contract(const graph::OpContract& contract, graph::Kernel kernel);

// The device that device kernels are checked on, and in which orders.
struct DeviceBench {
  graph::DeviceQueues& queues;
  std::function<void(int order)> set_order;  // of `orders`; the first is the plain one
  int orders = 1;
};

// What is wrong with the operator's kernel for devices: its results against the reference, with the
// samples and tolerances of the CPU's; the same bits in every order of threads, blocks and streams,
// and where outputs lie in inputs.
std::vector<std::string> check_device_kernel(const graph::OpContract& contract,
                                             graph::Kernel kernel, const DeviceBench& bench);

}  // namespace weft::test
