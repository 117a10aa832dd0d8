// Saves checkpoints by a thread of its own, one at a time, while training goes on. What a
// checkpoint refers to must not change until its save is collected: the caller hands over a
// snapshot.
#pragma once

#include <future>

#include "io/checkpoint_store.h"

namespace weft::io {

class BackgroundSaver {
 public:
  // `store` must outlive it, and is not used by anyone else while a save is under way.
  explicit BackgroundSaver(CheckpointStore& store) : store_(store) {}
  // The destructor waits for the save that is under way.

  // The one before must have been collected.
  void start(CheckpointToSave checkpoint);
  // A save was started and is not collected.
  bool under_way() const { return save_.valid(); }
  // It is under way and has ended, well or not: collect() will not wait.
  bool has_ended() const;
  // Waits for its end. Throws what CheckpointStore::save threw.
  SavedCheckpoint collect() { return save_.get(); }

 private:
  CheckpointStore& store_;
  std::future<SavedCheckpoint> save_;
};

}  // namespace weft::io
