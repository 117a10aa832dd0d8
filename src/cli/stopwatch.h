// The time that each instruction of a step takes: by the clock on the CPU, by events of its stream
// on a device.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "graph/program.h"
#include "report/profile.h"
#include "runtime/roof.h"

namespace weft::cli {

// Whether an operator computes in bf16, and is measured against that roof.
bool reads_bf16(const graph::GraphData& data, const graph::Node& node);

class Stopwatch final : public graph::Observer {
 public:
  // Of a program, which must outlive this, as must its device.
  explicit Stopwatch(const graph::Program& program) : program_(program) {}

  void before(const graph::Instruction& instruction) override;
  void after(const graph::Instruction& instruction) override;

  // After the step has ended.
  std::vector<report::OperatorProfile> rows(const runtime::MachineRoof& fp32,
                                            const runtime::MachineRoof& bf16) const;
  std::vector<report::TraceEvent> events() const;

 private:
  struct Timed {
    const graph::Instruction* instruction;
    double began = 0, ended = 0;                 // on the CPU
    std::unique_ptr<device::Event> start, stop;  // on a device
  };

  report::TraceEvent event_of(const Timed& timed) const;

  const graph::Program& program_;
  std::vector<Timed> timed_;
};

}  // namespace weft::cli
