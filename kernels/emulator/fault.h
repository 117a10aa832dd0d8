// What the emulator finds wrong with a kernel, by name. A fault ends the launch: it is thrown where
// the kernel was launched, or where its emulated stream runs it.
#pragma once

#include <string>

#include "weft/error.h"

namespace weft::emulator {

enum class Detector {
  kGlobalOutOfBounds,
  kNotDeviceMemory,
  kSharedOutOfBounds,
  kMisaligned,
  kUninitialisedShared,
  kRaceInBlock,
  kRaceBetweenBlocks,
  kDivergentBarrier,
  kDivergentCollective,
  kDeadlock,
  kCopyInFlight,  // read of what an asynchronous copy has not been waited for
  kBufferReused,  // a copy's source or target was written before the copy ended
  kBadLaunch,
  kMissingFence,      // an asynchronous unit may not see what was written, or what a register holds
  kTransactionCount,  // an mbarrier expects other bytes than copies bring
  kBadMbarrier,       // none there, or arrivals that it does not expect
  kBadDescriptor,     // of a matrix in shared memory
  kBadTensorMap,      // or a box that does not fit where it is copied to
  kAccumulatorInFlight,  // sums of a wgmma that was not waited for
};

const char* name_of(Detector detector);

class Fault : public Error {
 public:
  Fault(Detector detector, const std::string& message)
      : Error(std::string(name_of(detector)) + ": " + message, ExitCode::kInternal),
        detector_(detector) {}
  Detector detector() const { return detector_; }

 private:
  Detector detector_;
};

}  // namespace weft::emulator
