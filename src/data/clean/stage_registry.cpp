#include "data/clean/stage_registry.h"

#include "weft/error.h"

namespace weft::data {

std::unique_ptr<const Stage> make_stage(const FileSystem& files, const StageConfig& config) {
  switch (config.stage) {
    case StageKind::kUnicode: return make_unicode(config);
    case StageKind::kCharacters: return make_characters(config);
    case StageKind::kHtml: return make_html(config);
    case StageKind::kRepeatedLines: return make_repeated_lines(config);
    case StageKind::kLength: return make_length(config);
    case StageKind::kGopherQuality: return make_gopher_quality(config);
    case StageKind::kGopherRepetition: return make_gopher_repetition();
    case StageKind::kC4: return make_c4(files, config);
    case StageKind::kLanguage: return make_language(config);
    case StageKind::kExactDuplicates: return make_exact_duplicates(config);
    case StageKind::kNearDuplicates: return make_near_duplicates(config);
    case StageKind::kPersonalData: return make_personal_data(config);
    case StageKind::kDecontaminate: return make_decontamination(files, config);
    case StageKind::kMissing:
    case StageKind::kNormalize:
    case StageKind::kOneHot: break;  // make_table_stage()
  }
  WEFT_ASSERT(false);
}

}  // namespace weft::data
