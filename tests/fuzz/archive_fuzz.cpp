// Hostile archives: any bytes as a compressed text file (record_fuzz.h).
#include "record_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace weft::data;
  const std::string content(reinterpret_cast<const char*>(bytes), size);
  const weft::MemoryFile files(content);
  for (const Compression compression : {Compression::kGzip, Compression::kZstd})
    read_by_every_policy(files,
                         {.path = "fuzz",
                          .kind = InputKind::kText,
                          .compression = compression,
                          .size = static_cast<int64_t>(content.size())},
                         {.piece_bytes = 4096});
  return 0;
}
