// Running a reference case: its model as a training session or a forward program, with its weights
// and its batch, on the CPU or on a device.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "golden_case.h"
#include "runtime/forward_session.h"
#include "train/session.h"

namespace weft::test {

inline constexpr int kThreads = 2;

// Writes a batch into a program's inputs, as far as it has them.
void fill(const runtime::HostInputs& inputs, const GoldenCase::Inputs& in);

struct RunOptions {
  DType compute = DType::kF32;
  RecomputeMode recompute = RecomputeMode::kNone;
  bool on_device = false;
};
// Whether tests may take minutes (`scripts/test --long` sets WEFT_LONG): the emulated device
// computes a step of a reference model in 3 s.
bool may_take_long();
// The emulated device, or with WEFT_TEST_DEVICE=cuda a GPU; the CPU if it is not asked for.
runtime::DeviceChoice device_for_tests(bool on_device);
std::unique_ptr<train::Session> training_session(const GoldenCase& golden,
                                                 const RunOptions& options = {});
// One AdamW step of the reference values' recipe.
StepResult step(train::Session& session, const GoldenCase& golden);

// [B, T, V] of the batch, in fp32. `change`, if given, is called with every tensor of the file
// before the run; only fp32 programs can have their weights changed.
using ChangeWeights = std::function<void(const std::string& name, std::span<float> values)>;
std::vector<float> logits_of(const GoldenCase& golden, const RunOptions& options = {},
                             const ChangeWeights& change = nullptr);

// Throws Error if there is none of that name.
float* find(const std::vector<runtime::NamedTensor>& tensors, const std::string& name);

}  // namespace weft::test
