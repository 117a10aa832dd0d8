// The optimizer's state in a checkpoint.
#pragma once

#include <string_view>
#include <vector>

#include "io/folder_writer.h"
#include "train/session.h"

namespace weft::train {

inline constexpr std::string_view kOptimizerFile = "trainer_state/optimizer.safetensors";

// As one file; refers to the tensors' memory when it is written.
io::FileToWrite optimizer_to_write(const std::vector<NamedTensor>& state);
// Throws Error naming the tensor if the file is of another model or optimizer.
void load_optimizer(const Path& file, Session& session);

}  // namespace weft::train
