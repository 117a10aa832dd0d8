#include "device_run.h"

namespace weft::test {
namespace {

using device::Memory;
using graph::Tensor;
using graph::Types;

// Operands of a run in the device's memory.
class DeviceOperands {
 public:
  DeviceOperands(const KernelSetup& setup, graph::DeviceQueues& queues, const graph::Pair* alias)
      : setup_(setup), queues_(queues) {
    for (const auto* in : pointers(setup.sample, setup.inputs)) add_input(in);
    types_call_ = types_;
    output_types_ = setup.contract.infer({types_call_, setup.sample.params});
    for (size_t o = 0; o < output_types_.size(); ++o) add_output(shared_input(setup, o, alias), o);
  }

  void run() {
    const graph::PrepareCall prepare{{types_call_, setup_.sample.params}, output_types_, 1};
    const auto wanted = setup_.contract.device_workspace;
    const Memory workspace(device(), wanted == nullptr ? 0 : wanted(prepare));
    const graph::DeviceCall call = queues_.call(0);
    setup_.kernel(
        {inputs_, outputs_, setup_.sample.params, nullptr, workspace.data(), SerialFor(), &call});
    queues_.stream(0).synchronize();
  }

  DeviceRun results() {
    DeviceRun run;
    for (const Tensor& out : outputs_) run.outputs.push_back(bytes_of(out));
    for (size_t i = 0; i < inputs_.size(); ++i)
      if (inputs_[i].data != nullptr && changed_[i] == 0 &&
          load(inputs_[i].type, bytes_of(inputs_[i]).data()) != setup_.inputs[i].data)
        run.inputs_unchanged = false;
    return run;
  }

 private:
  const device::Device& device() { return queues_.stream(0).device(); }

  std::vector<std::byte> bytes_of(const Tensor& tensor) {
    std::vector<std::byte> bytes(static_cast<size_t>(tensor.type.bytes()));
    queues_.download(bytes, tensor.data);
    return bytes;
  }

  void add_input(const graph::ReferenceTensor* in) {
    changed_.push_back(0);
    types_.push_back(in == nullptr ? nullptr : &in->type);
    if (in == nullptr) return inputs_.push_back({});
    std::vector<std::byte> bytes(static_cast<size_t>(in->type.bytes()));
    store(*in, bytes.data());
    memory_.emplace_back(device(), in->type.bytes());
    queues_.upload(memory_.back().data(), bytes);
    inputs_.push_back({memory_.back().data(), in->type});
  }

  void add_output(std::optional<size_t> shared, size_t o) {
    if (shared) {
      changed_[*shared] = 1;
      return outputs_.push_back({inputs_[*shared].data, output_types_[o]});
    }
    memory_.emplace_back(device(), output_types_[o].bytes());
    outputs_.push_back({memory_.back().data(), output_types_[o]});
  }

  const KernelSetup& setup_;
  graph::DeviceQueues& queues_;
  std::vector<Memory> memory_;
  std::vector<const TensorType*> types_;
  std::span<const TensorType* const> types_call_;
  Types output_types_;
  std::vector<Tensor> inputs_, outputs_;
  std::vector<char> changed_;
};

}  // namespace

DeviceRun run_on_device_of(const KernelSetup& setup, graph::DeviceQueues& queues,
                           const graph::Pair* alias) {
  DeviceOperands operands(setup, queues, alias);
  operands.run();
  return operands.results();
}

}  // namespace weft::test
