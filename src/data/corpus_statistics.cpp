#include "data/corpus_statistics.h"

#include <algorithm>
#include <bit>

namespace weft::data {

void CorpusStatistics::begin_document() {
  end_document();
  open_ = true;
}

// What comes before the first document (in a shard that begins within one) is part of none.
void CorpusStatistics::end_document() {
  if (open_) {
    ++documents_;
    length_ += open_length_;
    shortest_ = std::min(shortest_, open_length_);
    longest_ = std::max(longest_, open_length_);
    const auto length = static_cast<uint64_t>(std::max<int64_t>(open_length_, 1));
    ++lengths_[static_cast<size_t>(std::bit_width(length)) - 1];
  }
  open_ = false;
  open_length_ = 0;
}

void CorpusStatistics::count(std::span<const int32_t> tokens) {
  tokens_ += static_cast<int64_t>(tokens.size());
  for (const int32_t token : tokens) {
    const auto id = static_cast<size_t>(token);
    if (id >= counts_.size()) counts_.resize(std::max(id + 1, 2 * counts_.size()));
    ++counts_[id];
  }
}

std::vector<CorpusStatistics::TokenCount> CorpusStatistics::most_frequent(size_t count) const {
  std::vector<TokenCount> all;
  for (size_t id = 0; id < counts_.size(); ++id)
    if (counts_[id] > 0) all.push_back({static_cast<int32_t>(id), counts_[id]});
  const auto more = [](const TokenCount& a, const TokenCount& b) {
    return a.count != b.count ? a.count > b.count : a.id < b.id;
  };
  const size_t kept = std::min(count, all.size());
  std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(kept), all.end(), more);
  all.resize(kept);
  return all;
}

int64_t CorpusStatistics::different_tokens() const {
  return std::count_if(counts_.begin(), counts_.end(), [](int64_t count) { return count > 0; });
}

}  // namespace weft::data
