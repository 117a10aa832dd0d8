#include "io/checkpoint_background.h"

#include <chrono>

namespace weft::io {

void BackgroundSaver::start(CheckpointToSave checkpoint) {
  WEFT_ASSERT(!under_way());
  save_ = std::async(std::launch::async,
                     [this, saved = std::move(checkpoint)] { return store_.save(saved); });
}

bool BackgroundSaver::has_ended() const {
  return under_way() && save_.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
}

}  // namespace weft::io
