// What of a tokens folder was there at some moment: by this a run that goes on knows the text
// again, though more of it may have been prepared meanwhile.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "data/dataset_manifest.h"

namespace weft::data {

// Of each split, in the order of kSplits.
struct ContentMark {
  std::array<int64_t, 2> shards = {0, 0};
  // XXH3-128 of the hashes of those shards, which hold the hashes of all their blocks.
  std::array<std::string, 2> hashes;

  bool operator==(const ContentMark&) const = default;
};

ContentMark mark_of(const DatasetManifest& manifest);

enum class Agreement {
  kSame,    // the folder begins with these shards
  kTooFew,  // it has fewer, and those may be the same
  kOther,
};
Agreement compare(const ContentMark& mark, const DatasetManifest& manifest);

}  // namespace weft::data
