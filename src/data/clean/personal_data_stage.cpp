// The stage `personal_data`: what personal_data.h finds is replaced by a mask.
#include <algorithm>

#include "data/clean/personal_data.h"
#include "data/clean/stage_registry.h"

namespace weft::data {
namespace {

class PersonalDataStage final : public Stage {
 public:
  explicit PersonalDataStage(uint32_t kinds) : kinds_(kinds) {}

  void apply(std::string_view text, std::string& changed, StageResult& result) const override {
    std::array<int64_t, kPersonalKinds.size()> counts{};
    size_t at = 0;
    for (PersonalMatch match = find_personal_data(text, 0, kinds_); match.end > 0;
         match = find_personal_data(text, at, kinds_)) {
      changed.append(text.substr(at, match.begin - at));
      changed.append(mask_of(match.kind));
      ++counts[static_cast<size_t>(match.kind)];
      at = match.end;
    }
    if (at == 0) return;
    changed.append(text.substr(at));
    result.changed = true;
    for (const PersonalKind kind : kPersonalKinds)
      result.note(mask_of(kind), counts[static_cast<size_t>(kind)]);
  }

 private:
  uint32_t kinds_;
};

}  // namespace

std::unique_ptr<const Stage> make_personal_data(const StageConfig& config) {
  uint32_t kinds = 0;
  for (const PersonalKind kind : kPersonalKinds)
    if (config.kinds.empty() ||
        std::find(config.kinds.begin(), config.kinds.end(), name_of(kind)) != config.kinds.end())
      kinds |= 1u << static_cast<int>(kind);
  return std::make_unique<PersonalDataStage>(kinds);
}

}  // namespace weft::data
