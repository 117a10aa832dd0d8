// Hostile tables (record_fuzz.h).
#include "record_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using weft::data::InputKind;
  weft::data::fuzz_records(bytes, size, {InputKind::kCsv, InputKind::kTsv}, "text");
  weft::data::fuzz_records(bytes, size, {InputKind::kCsv, InputKind::kTsv}, "text",
                           {{.name = "n"},
                            {.name = "m", .may_be_missing = true},
                            {.name = "c", .categorical = true, .may_be_missing = true}});
  return 0;
}
