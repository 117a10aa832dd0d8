// Hostile token shards. The first byte says whether the hashes of the rest are made right first, as
// a hostile writer would: otherwise no input would come past them. Properties: no crash, Error for
// what is refused; what is accepted can be read whole, and written again is equal.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "data/content_hash.h"
#include "data/shard_reader.h"

namespace weft::data {
namespace {

class MemoryFile final : public WritableFile {
 public:
  using WritableFile::write;
  void write(std::span<const std::byte> bytes) override {
    content.insert(content.end(), bytes.begin(), bytes.end());
  }
  void sync() override {}
  void close() override {}
  std::vector<std::byte> content;
};

void reseal(std::vector<std::byte>& bytes) {
  ShardHeader header;
  if (bytes.size() < sizeof header) return;
  std::memcpy(&header, bytes.data(), sizeof header);
  const uint64_t size = bytes.size();
  if (header.token_count <= size && header.document_count <= size && header.token_bytes <= 4) {
    const ShardLayout layout(header);
    if (layout.file_bytes() == static_cast<int64_t>(size)) {
      std::vector<uint64_t> table;
      for (int64_t at = layout.tokens_at(); at < layout.table_at(); at += kShardBlockBytes) {
        const int64_t length = std::min(kShardBlockBytes, layout.table_at() - at);
        table.push_back(
            hash64(std::span(bytes).subspan(static_cast<size_t>(at), static_cast<size_t>(length))));
      }
      if (!table.empty())
        std::memcpy(bytes.data() + layout.table_at(), table.data(), table.size() * 8);
      header.table_hash = hash64(std::as_bytes(std::span(table)));
    }
  }
  header.header_hash = hash64(std::as_bytes(std::span(&header, 1)).first(56));
  std::memcpy(bytes.data(), &header, sizeof header);
}

std::vector<std::byte> written_again(const ShardView& shard) {
  ShardBuilder builder(static_cast<int32_t>(shard.vocab_size()),
                       std::max<int64_t>(shard.tokens(), 1));
  int64_t document = shard.first_document_from(0);
  for (int64_t at = 0; at < shard.tokens(); ++at) {
    if (document < shard.documents() && shard.document_start(document) == at) {
      builder.start_document();
      ++document;
    }
    int32_t token = 0;
    shard.read(at, std::span(&token, 1));
    builder.append(std::span(&token, 1));
  }
  MemoryFile file;
  builder.write_to(file);
  return file.content;
}

}  // namespace
}  // namespace weft::data

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* input, size_t size) {
  using namespace weft::data;
  if (size == 0) return 0;
  const auto* first = reinterpret_cast<const std::byte*>(input);
  std::vector<std::byte> bytes(first + 1, first + size);
  if (input[0] & 1) reseal(bytes);
  try {
    const ShardView shard(bytes, "fuzz");
    shard.verify();
    WEFT_ASSERT(written_again(shard) == bytes);
  } catch (const weft::Error&) {
  }
  return 0;
}
