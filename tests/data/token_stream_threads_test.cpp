// A stream is read by some threads while another adds to it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "data_test_util.h"

namespace weft::data {
namespace {

TEST(TokenStreamThreads, MayBeReadWhileItGrows) {
  const TemporaryFolder temporary;
  const std::vector<std::vector<int32_t>> documents(600, {1, 2, 3});
  const Path folder = write_tokens_folder(temporary / "tokens", documents, {.shard_tokens = 8});
  const DatasetManifest whole = read_manifest(folder);
  const std::vector<ShardSummary>& shards = whole.split(Split::kTrain).shards;
  ASSERT_EQ(shards.size(), 300u);

  TokenStream stream("a stream");
  std::atomic<bool> failed = false;
  const auto read = [&] {
    for (int64_t before = 0; before < 600 && !failed;) {
      const int64_t there = stream.documents();
      int64_t begin = 0, seen = 0;
      stream.for_each_document([&](int64_t first, int64_t end) {
        failed = failed || first != begin || end != first + 4;
        begin = end;
        ++seen;
      });
      stream.verify();
      stream.check_vocabulary(300);
      failed = failed || there < before || seen < there || stream.bytes() > 1800 ||
               stream.vocab_size() + stream.eos_token_id() > 599 ||
               stream.tokenizer_hash().size() > 4;
      before = there;
    }
  };
  std::thread first(read), second(read);
  for (size_t count = 1; count <= shards.size() && !failed; ++count) {
    DatasetManifest so_far = whole;
    so_far.split(Split::kTrain).shards.resize(count);
    stream.extend(folder, so_far, Split::kTrain);
  }
  first.join();
  second.join();
  EXPECT_FALSE(failed);
  EXPECT_EQ(stream.tokens(), 2400);
}

}  // namespace
}  // namespace weft::data
