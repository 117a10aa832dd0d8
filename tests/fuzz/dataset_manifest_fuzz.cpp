// Any bytes as the dataset.json of a tokens folder: refused with an Error, or read; what is read
// and written again is the same.
#include "data/dataset_manifest.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace weft::data;
  DatasetManifest manifest;
  try {
    manifest = parse_manifest({reinterpret_cast<const char*>(bytes), size}, "fuzz");
  } catch (const weft::Error&) {
    return 0;
  }
  WEFT_ASSERT(parse_manifest(to_json(manifest), "again") == manifest);
  return 0;
}
