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

struct Vote {
  bool mine = false;
  uint32_t all = 0;
};

void count_votes(void* const* operands) {
  constexpr unsigned kLanes = 32;
  uint32_t all = 0;
  for (unsigned lane = 0; lane < kLanes; ++lane) {
    if (static_cast<const Vote*>(operands[lane])->mine) all |= 1u << lane;
  }
  for (unsigned lane = 0; lane < kLanes; ++lane) static_cast<Vote*>(operands[lane])->all = all;
}

constexpr Collective kVote{"vote.sync", &count_votes};

}  // namespace

const Collective kShuffle{"shfl.sync", &run};

uint32_t ballot(bool mine, Site site) {
  Vote vote{mine, 0};
  collective(kVote, 0xffffffffu, &vote, site);
  return vote.all;
}

}  // namespace weft::emulator
