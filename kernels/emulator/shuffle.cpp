// The shuffle of a warp whose lanes have all arrived.
#include "kernels/emulator/shuffle.h"

namespace weft::emulator {
namespace {

void run(void* const* operands) {
  constexpr unsigned kLanes = 32;
  for (unsigned lane = 0; lane < kLanes; ++lane) {
    auto* mine = static_cast<ShuffleOperands*>(operands[lane]);
    mine->result = static_cast<const ShuffleOperands*>(operands[mine->from % kLanes])->value;
  }
}

}  // namespace

const Collective kShuffle{"shfl.sync", &run};

}  // namespace weft::emulator
