// Shards: what is written comes back, and nothing else is accepted.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <functional>

#include "data/shard_reader.h"
#include "data_test_util.h"

namespace weft::data {
namespace {

using ::testing::HasSubstr;

std::vector<std::byte> bytes_of(const Path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

// Documents of lengths 1, 2, 3, ... up to `tokens` tokens.
ShardBuilder filled_builder(int32_t vocab_size, int64_t tokens) {
  ShardBuilder builder(vocab_size, std::max<int64_t>(tokens, 1));
  int64_t next_start = 0, length = 1;
  for (int64_t i = 0; i < tokens; ++i) {
    if (i == next_start) {
      builder.start_document();
      next_start += length++;
    }
    const int32_t token = static_cast<int32_t>((i * 7919) % vocab_size);
    builder.append(std::span(&token, 1));
  }
  return builder;
}

class ShardFile : public ::testing::Test {
 protected:
  std::vector<std::byte> write(int32_t vocab_size, int64_t tokens) {
    const Path path = folder_ / ("shard" + std::to_string(count_++));
    summary_ = filled_builder(vocab_size, tokens).write(real_file_system(), path);
    return bytes_of(path);
  }
  TemporaryFolder folder_;
  ShardSummary summary_;
  int count_ = 0;
};

TEST_F(ShardFile, GivesBackTokensAndDocuments) {
  for (const int32_t vocab_size : {1, 2, 300, 65536, 65537, 2000000})
    for (const int64_t tokens : {0, 1, 2, 3, 5, 1000, 32768, 32769, 100003}) {
      const auto bytes = write(vocab_size, tokens);
      const ShardView shard(bytes, "s");
      ASSERT_EQ(shard.tokens(), tokens);
      ASSERT_EQ(shard.vocab_size(), vocab_size);
      ASSERT_EQ(shard.summary(), summary_);
      ASSERT_EQ(summary_.bytes, static_cast<int64_t>(bytes.size()));
      std::vector<int32_t> read(static_cast<size_t>(tokens));
      shard.read(0, read);
      for (int64_t i = 0; i < tokens; ++i)
        ASSERT_EQ(read[static_cast<size_t>(i)], (i * 7919) % vocab_size);
      for (int64_t document = 0; document < shard.documents(); ++document)
        ASSERT_EQ(shard.document_start(document), document * (document + 1) / 2);
      shard.verify();
    }
}

TEST_F(ShardFile, TakesTwoBytesForSmallVocabulariesAndFourForLargeOnes) {
  EXPECT_EQ(write(65536, 1000).size(), write(300, 1000).size());
  EXPECT_EQ(write(65537, 1000).size(), write(300, 1000).size() + 2000);
}

TEST_F(ShardFile, FindsDocumentsByToken) {
  const auto bytes = write(300, 1000);  // documents start at 0, 1, 3, 6, 10, ...
  const ShardView shard(bytes, "s");
  EXPECT_EQ(shard.first_document_from(0), 0);
  EXPECT_EQ(shard.first_document_from(1), 1);
  EXPECT_EQ(shard.first_document_from(2), 2);
  EXPECT_EQ(shard.first_document_from(3), 2);
  EXPECT_EQ(shard.first_document_from(4), 3);
  EXPECT_EQ(shard.first_document_from(999), shard.documents());
}

std::string error_of(std::span<const std::byte> bytes) {
  return error_message([&] { ShardView(bytes, "x.weft").verify(); });
}

// Every bit of a shard is covered by a hash, a size or the magic.
TEST_F(ShardFile, NoticesEveryFlippedByte) {
  for (const int32_t vocab_size : {300, 70000}) {
    auto bytes = write(vocab_size, 100);
    for (size_t i = 0; i < bytes.size(); ++i)
      for (const int bit : {0, 7}) {
        bytes[i] ^= std::byte(1 << bit);
        ASSERT_THAT(error_of(bytes), HasSubstr("shard 'x.weft' ")) << "byte " << i;
        bytes[i] ^= std::byte(1 << bit);
      }
    EXPECT_NO_THROW(ShardView(bytes, "x.weft").verify());
  }
}

TEST_F(ShardFile, NoticesEveryTruncationAndAppendedBytes) {
  auto bytes = write(300, 100);
  for (size_t size = 0; size < bytes.size(); ++size)
    ASSERT_THAT(error_of(std::span(bytes).first(size)), HasSubstr("bytes long")) << size;
  bytes.push_back(std::byte{0});
  EXPECT_THAT(error_of(bytes), HasSubstr("cut short or continued"));
}

// Makes all hashes right again after a change, as a hostile writer would.
void reseal(std::vector<std::byte>& bytes) {
  ShardHeader header;
  std::memcpy(&header, bytes.data(), sizeof header);
  const ShardLayout layout(header);
  std::vector<uint64_t> table;
  for (int64_t at = 64; at < layout.table_at(); at += kShardBlockBytes)
    table.push_back(hash64(std::span(bytes).subspan(
        static_cast<size_t>(at),
        static_cast<size_t>(std::min(kShardBlockBytes, layout.table_at() - at)))));
  std::memcpy(bytes.data() + layout.table_at(), table.data(), table.size() * 8);
  header.table_hash = hash64(std::as_bytes(std::span(table)));
  header.header_hash = hash64(std::as_bytes(std::span(&header, 1)).first(56));
  std::memcpy(bytes.data(), &header, sizeof header);
}

// A header that is wrong although its hash is right.
std::string header_error(std::vector<std::byte> bytes,
                         const std::function<void(ShardHeader&)>& change) {
  ShardHeader header;
  std::memcpy(&header, bytes.data(), sizeof header);
  change(header);
  header.header_hash = hash64(std::as_bytes(std::span(&header, 1)).first(56));
  std::memcpy(bytes.data(), &header, sizeof header);
  return error_of(bytes);
}

TEST_F(ShardFile, SaysWhichHeaderFieldIsWrong) {
  const auto bytes = write(300, 100);
  const auto error = [&](auto change) { return header_error(bytes, change); };
  EXPECT_THAT(error([](ShardHeader& h) { h.magic[0] = 'X'; }), HasSubstr("is no token shard"));
  EXPECT_THAT(error([](ShardHeader& h) { h.version = 2; }),
              HasSubstr("has version 2, this program reads version 1"));
  EXPECT_THAT(error([](ShardHeader& h) { h.token_bytes = 3; }),
              HasSubstr("token_bytes 3 in its header, allowed is 2"));
  EXPECT_THAT(error([](ShardHeader& h) { h.token_bytes = 4; }), HasSubstr("allowed is 2"));
  EXPECT_THAT(error([](ShardHeader& h) { h.vocab_size = 0; }), HasSubstr("vocab_size 0"));
  EXPECT_THAT(error([](ShardHeader& h) { h.vocab_size = uint64_t{1} << 31; }),
              HasSubstr("1 to 2147483647"));
  EXPECT_THAT(error([](ShardHeader& h) { h.token_count = UINT64_MAX / 2 + 1; }),
              HasSubstr("token_count 9223372036854775808"));
  EXPECT_THAT(error([](ShardHeader& h) { h.token_count += 4; }), HasSubstr("cut short"));
  EXPECT_THAT(error([](ShardHeader& h) { h.document_count = UINT64_MAX / 8; }),
              HasSubstr("at most token_count"));
  EXPECT_THAT(error([](ShardHeader& h) { h.block_bytes = 0; }), HasSubstr("block_bytes 0"));
  EXPECT_THAT(error([](ShardHeader& h) { h.table_hash ^= 1; }), HasSubstr("the table of hashes"));
}

TEST_F(ShardFile, SaysWhereATokenIsTooLarge) {
  auto bytes = write(300, 100000);
  const uint16_t token = 300;
  std::memcpy(bytes.data() + 64 + 2 * 70001, &token, 2);
  reseal(bytes);
  EXPECT_THAT(error_of(bytes), HasSubstr("has token id 300 at token 70001 (byte 140066), its "
                                         "vocabulary ends at 299"));
  // The block before it can be read.
  const ShardView shard(bytes, "s");
  std::vector<int32_t> read(100);
  EXPECT_NO_THROW(shard.read(0, read));
  EXPECT_THROW(shard.read(70000, read), Error);
}

TEST_F(ShardFile, SaysWhichDocumentStartsAreOutOfOrder) {
  auto bytes = write(300, 100);
  const size_t starts_at = 64 + 200;
  const uint64_t late = 100, early = 1;
  auto changed = bytes;
  std::memcpy(changed.data() + starts_at + 8 * 3, &late, 8);
  reseal(changed);
  EXPECT_THAT(error_of(changed), HasSubstr("document 3 starts at token 100 at byte 288"));
  changed = bytes;
  std::memcpy(changed.data() + starts_at + 8 * 2, &early, 8);
  reseal(changed);
  EXPECT_THAT(error_of(changed), HasSubstr("document 2 starts at token 1"));
}

TEST_F(ShardFile, RefusesPaddingThatIsNotZero) {
  auto bytes = write(300, 101);  // 202 bytes of tokens, 6 of padding
  bytes[64 + 202] = std::byte{1};
  reseal(bytes);
  EXPECT_THAT(error_of(bytes), HasSubstr("a padding byte that is not zero at byte 266"));
}

TEST_F(ShardFile, SaysWhichBytesWereFlipped) {
  auto bytes = write(300, 100000);
  bytes[64 + 65536 * 2 + 17] ^= std::byte{4};
  const ShardView shard(bytes, "s");
  std::vector<int32_t> read(1000);
  EXPECT_NO_THROW(shard.read(0, read));
  const std::string message = error_message([&] { shard.read(65536, read); });
  EXPECT_THAT(message, HasSubstr("bytes 131136 to 196671 do not have the hash"));
  // Reading it again fails again.
  EXPECT_THROW(shard.read(65536, read), Error);
}

// Into the file that is mapped, after its block was checked: the model's tables end somewhere.
TEST_F(ShardFile, ATokenThatIsTooLargeGetsIntoNoSampleEvenLater) {
  for (const int32_t vocab_size : {300, 70000}) {
    auto bytes = write(vocab_size, 100);
    const ShardView shard(bytes, "s");
    std::vector<int32_t> tokens(10);
    shard.read(20, tokens);
    std::fill(bytes.begin(), bytes.end(), std::byte{255});
    EXPECT_THAT(error_message([&] { shard.read(20, tokens); }),
                HasSubstr("was changed while it was read: tokens 20 to 29 hold one beyond"));
  }
}

TEST_F(ShardFile, IsNeverWrittenOverAnother) {
  const ShardBuilder builder = filled_builder(300, 10);
  builder.write(real_file_system(), folder_ / "s");
  EXPECT_THROW(builder.write(real_file_system(), folder_ / "s"), FileError);
}

TEST(ContentHash, OfPiecesIsThatOfTheWhole) {
  const std::string text = "The quick brown fox jumps over the lazy dog";
  for (const uint64_t seed : {0u, 5u}) {
    Hasher64 hasher(seed);
    for (const char c : text) hasher.add(std::string_view(&c, 1));
    EXPECT_EQ(hasher.hash(), hash64(text, seed));
  }
  EXPECT_NE(hash64(text, 0), hash64(text, 1));
  // The reference value of XXH3-64 for empty input.
  EXPECT_EQ(to_hex(hash64("")), "2d06800538d394c2");
}

}  // namespace
}  // namespace weft::data
