// shfl.sync and vote.sync on the host: each lane shows its value, and takes another's, or all.
#pragma once

#include <cstring>

#include "kernels/emulator/thread.h"

namespace weft::emulator {

struct ShuffleOperands {
  uint64_t value = 0;
  unsigned from = 0;  // lane
  uint64_t result = 0;
};
extern const Collective kShuffle;

template <class T>
T shuffle(const T& value, unsigned from, Site site) {
  static_assert(sizeof(T) <= sizeof(uint64_t));
  ShuffleOperands lane;
  std::memcpy(&lane.value, &value, sizeof(T));
  lane.from = from;
  collective(kShuffle, 0xffffffffu, &lane, site);
  T result;
  std::memcpy(&result, &lane.result, sizeof(T));
  return result;
}

// Which lanes said yes.
uint32_t ballot(bool mine, Site site);

}  // namespace weft::emulator
