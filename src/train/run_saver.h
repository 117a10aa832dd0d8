// The checkpoints of a run that is going on: saved before training goes on, or beside it, and
// whether the newest state is in one. What could not be saved on the way is told, and ends no run.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "io/checkpoint_background.h"

namespace weft::train {

class RunSaver {
 public:
  using Tell = std::function<void(const std::string&)>;

  // Takes the run's folder, as CheckpointStore does. What is saved by begin() must stay as it is
  // until collect().
  RunSaver(FileSystem& files, const Path& output_dir, io::CheckpointOptions options, Tell tell)
      : store_(files, output_dir, options), background_(store_), tell_(std::move(tell)) {}

  const std::vector<std::string>& notices() const { return store_.notices(); }

  // Of the newest state, as far as is known.
  bool is_saved() const { return saved_; }
  void state_has_changed() { saved_ = false; }

  // Returns when it is saved. Throws Error if it cannot be.
  void save(const io::CheckpointToSave& checkpoint);
  // The same, but an error is told.
  void try_to_save(const io::CheckpointToSave& checkpoint);
  // Saves while training goes on. The one before must have been collected.
  void begin(io::CheckpointToSave checkpoint);
  // Waits for what was begun, if anything.
  void collect();
  void collect_if_ended();

 private:
  void tell_unsaved(int64_t step, const Error& error) const;

  io::CheckpointStore store_;
  io::BackgroundSaver background_;  // ends before its store
  Tell tell_;
  int64_t begun_step_ = 0;
  bool saved_ = true;
};

}  // namespace weft::train
