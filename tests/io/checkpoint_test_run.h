// A run that saves small checkpoints, for the tests of the checkpoint store.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "io/checkpoint_store.h"

namespace weft::io {

// Three files, one of them in a folder, whose bytes depend on step and `salt`.
inline CheckpointToSave checkpoint_of(int64_t step, const std::string& salt = "") {
  const std::string tag = std::to_string(step) + salt;
  return {.step = step,
          .files = {text_to_write("model.safetensors", "weights " + tag + std::string(5000, 'w')),
                    text_to_write("config.json", "{}"),
                    text_to_write("trainer_state/optimizer", "moments " + tag)}};
}

inline CheckpointToSave scored(int64_t step, double score) {
  CheckpointToSave checkpoint = checkpoint_of(step);
  checkpoint.score = score;
  return checkpoint;
}

// Is it, whole, what checkpoint_of(step, salt) saves?
inline bool holds(const Checkpoint& checkpoint, int64_t step, const std::string& salt = "") {
  const std::string expected = "moments " + std::to_string(step) + salt;
  return checkpoint.manifest.step == step && checkpoint.manifest.files.size() == 3 &&
         read_text_file(checkpoint.file("trainer_state/optimizer"), 100) == expected;
}

}  // namespace weft::io
