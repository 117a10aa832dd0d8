// Names of the detectors, as messages and docs/emulator.md write them.
#include "kernels/emulator/fault.h"

namespace weft::emulator {

const char* name_of(Detector detector) {
  switch (detector) {
    case Detector::kGlobalOutOfBounds: return "global-out-of-bounds";
    case Detector::kNotDeviceMemory: return "not-device-memory";
    case Detector::kSharedOutOfBounds: return "shared-out-of-bounds";
    case Detector::kMisaligned: return "misaligned";
    case Detector::kUninitialisedShared: return "uninitialised-shared";
    case Detector::kRaceInBlock: return "race-in-block";
    case Detector::kRaceBetweenBlocks: return "race-between-blocks";
    case Detector::kDivergentBarrier: return "divergent-barrier";
    case Detector::kDivergentCollective: return "divergent-collective";
    case Detector::kDeadlock: return "deadlock";
    case Detector::kCopyInFlight: return "copy-in-flight";
    case Detector::kBufferReused: return "buffer-reused";
    case Detector::kBadLaunch: return "bad-launch";
    case Detector::kMissingFence: return "missing-fence";
    case Detector::kTransactionCount: return "transaction-count";
    case Detector::kBadMbarrier: return "bad-mbarrier";
    case Detector::kBadDescriptor: return "bad-descriptor";
    case Detector::kBadTensorMap: return "bad-tensor-map";
    case Detector::kAccumulatorInFlight: return "accumulator-in-flight";
  }
  return "?";
}

}  // namespace weft::emulator
