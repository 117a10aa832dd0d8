// Counts what of the input is in no split, and why: nothing is dropped silently.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "data/dataset_manifest.h"

namespace weft::data {

class LeftOutCounts {
 public:
  // `example` is called for the first of each reason only.
  template <class Example>
  void add(std::string_view reason, Example example, int64_t count = 1) {
    for (LeftOut& item : items_)
      if (item.reason == reason) {
        item.count += count;
        return;
      }
    items_.push_back({std::string(reason), count, example()});
  }
  void add(const LeftOutCounts& others) {
    for (const LeftOut& other : others.items_)
      add(
          other.reason, [&] { return other.example; }, other.count);
  }
  // In the order in which the reasons appeared.
  const std::vector<LeftOut>& items() const { return items_; }

 private:
  std::vector<LeftOut> items_;  // a handful
};

}  // namespace weft::data
