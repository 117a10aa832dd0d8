// A queue of the emulated device, as a cuda::Stream's handle sees it. Who owns it decides when and
// in which order its work runs.
#pragma once

#include <functional>

namespace weft::emulator {

class WorkQueue {
 public:
  virtual ~WorkQueue() = default;
  virtual void push(std::function<void()> work) = 0;
};

}  // namespace weft::emulator
