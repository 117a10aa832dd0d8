#include "train/run_saver.h"

#include <utility>

namespace weft::train {

void RunSaver::save(const io::CheckpointToSave& checkpoint) {
  for (const std::string& problem : store_.save(checkpoint).problems) tell_(problem);
  saved_ = true;
}

void RunSaver::try_to_save(const io::CheckpointToSave& checkpoint) {
  try {
    save(checkpoint);
  } catch (const Error& error) {
    tell_unsaved(checkpoint.step, error);
  }
}

void RunSaver::begin(io::CheckpointToSave checkpoint) {
  begun_step_ = checkpoint.step;
  background_.start(std::move(checkpoint));
  saved_ = true;
}

void RunSaver::collect() {
  if (!background_.under_way()) return;
  try {
    for (const std::string& problem : background_.collect().problems) tell_(problem);
  } catch (const Error& error) {
    saved_ = false;
    tell_unsaved(begun_step_, error);
  }
}

void RunSaver::collect_if_ended() {
  if (background_.has_ended()) collect();
}

void RunSaver::tell_unsaved(int64_t step, const Error& error) const {
  tell_("no checkpoint was saved at step " + std::to_string(step) +
        ", training goes on: " + error.what());
}

}  // namespace weft::train
