// Any text through every stage of cleaning that needs no files. Properties: no crash; UTF-8 stays
// UTF-8; only a text that was dropped is empty.
#include "data/clean/stage_list.h"
#include "data/utf8_policy.h"
#include "weft/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace weft::data;
  std::string text;
  append_with_replacements({reinterpret_cast<const char*>(bytes), size}, text);
  static const StageList kStages(weft::real_file_system(),
                                 {{.stage = StageKind::kHtml, .always = true},
                                  {.stage = StageKind::kUnicode, .form = UnicodeForm::kNfkc},
                                  {.stage = StageKind::kCharacters},
                                  {.stage = StageKind::kRepeatedLines},
                                  {.stage = StageKind::kPersonalData},
                                  {.stage = StageKind::kExactDuplicates},
                                  {.stage = StageKind::kNearDuplicates, .bands = 3, .rows = 2},
                                  {.stage = StageKind::kGopherRepetition},
                                  {.stage = StageKind::kGopherQuality, .min_words = 0},
                                  {.stage = StageKind::kC4}});
  StageResults results;
  kStages.apply(text, results);
  WEFT_ASSERT(first_invalid_utf8(text) == kAllValid);
  WEFT_ASSERT(results.dropped() || !text.empty() || size == 0);
  return 0;
}
