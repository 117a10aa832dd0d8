// Hostile JSON lines and JSON files (record_fuzz.h), with a path into records.
#include "record_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using weft::data::InputKind;
  for (const char* field : {"text", "a.b[0].text"})
    weft::data::fuzz_records(bytes, size, {InputKind::kJsonLines, InputKind::kJson}, field);
  weft::data::fuzz_records(bytes, size, {InputKind::kJsonLines}, "text",
                           {{.name = "n", .may_be_missing = true},
                            {.name = "a.c", .categorical = true, .may_be_missing = true}});
  return 0;
}
