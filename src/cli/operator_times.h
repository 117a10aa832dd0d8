// How long each operator of a training step takes alone: one instruction of each kind is run again
// and again with the operands that it has there. `weft profile` sees each once, as the step runs
// it.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "report/profile.h"
#include "runtime/roof.h"
#include "train/session.h"

namespace weft::cli {

// Instructions of one operator that differ in no type of an operand and no parameter (but the keys
// of random numbers) are of one kind.
struct OperatorTime {
  const graph::Instruction* first = nullptr;
  int64_t calls = 0;   // of the kind, in a step of one micro-batch
  double seconds = 0;  // of one: the median
};

// By events on a device, whose second-level cache is emptied before each run; by the clock on the
// CPU, where caches hold what a run before has left. After a step of `session`, whose parameters
// and gradients it makes useless.
std::vector<OperatorTime> time_operators(const train::Session& session, int64_t runs);

// What a device can do at best: of its data sheet where it is known, else as measured.
struct OperatorRoofs {
  runtime::MachineRoof fp32, bf16;
  std::string source;  // "data sheet", "measured"
};

// Rows for report::profile_table: "linear 32x1024x768 768x2304", with the calls of a step.
std::vector<report::OperatorProfile> operator_rows(const train::Session& session,
                                                   const std::vector<OperatorTime>& times,
                                                   const OperatorRoofs& roofs);
// The keys are those of docs/formats.md.
nlohmann::ordered_json operators_json(const train::Session& session,
                                      const std::vector<OperatorTime>& times,
                                      const OperatorRoofs& roofs);

}  // namespace weft::cli
