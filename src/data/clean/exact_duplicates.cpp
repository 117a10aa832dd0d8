// The stage `exact_duplicates`: of equal texts the first is kept.
#include "data/clean/fingerprint_set.h"
#include "data/clean/memory_limit.h"
#include "data/clean/stage_registry.h"
#include "data/content_hash.h"

namespace weft::data {
namespace {

class Memory final : public StageMemory {
 public:
  explicit Memory(int64_t limit) : limit_(limit) {}
  bool admit(std::span<const uint64_t> keys) override {
    limit_.check(seen_.bytes() + 2 * seen_.growth());
    return seen_.insert({keys[0], keys[1]});
  }
  std::string_view reason() const override { return "equal to an earlier document"; }

 private:
  MemoryLimit limit_;
  HashSet128 seen_;
};

class ExactDuplicatesStage final : public Stage {
 public:
  explicit ExactDuplicatesStage(int64_t limit) : limit_(limit) {}
  void apply(std::string_view text, std::string&, StageResult& result) const override {
    const auto hash = hash128(text);
    result.keys.assign(hash.begin(), hash.end());
  }
  std::unique_ptr<StageMemory> make_memory() const override {
    return std::make_unique<Memory>(limit_);
  }

 private:
  int64_t limit_;
};

}  // namespace

std::unique_ptr<const Stage> make_exact_duplicates(const StageConfig& config) {
  return std::make_unique<ExactDuplicatesStage>(memory_limit_of(config));
}

}  // namespace weft::data
