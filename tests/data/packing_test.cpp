// Packing plans, and documents as rows.
#include "data/packing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "data/document_rows.h"
#include "data/sampler.h"
#include "data_test_util.h"
#include "weft/philox.h"

namespace weft::data {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

int64_t used(const PackingPlan& plan, const std::vector<int32_t>& lengths, int64_t row) {
  int64_t sum = 0;
  const size_t first = static_cast<size_t>(row);
  for (int64_t i = plan.row_begins[first]; i < plan.row_begins[first + 1]; ++i)
    sum += lengths[static_cast<size_t>(plan.pieces[static_cast<size_t>(i)])];
  return sum;
}

// Lengths as web pages have them: mostly short, a few long ones.
std::vector<int32_t> page_lengths(int64_t count, int32_t capacity, uint64_t seed) {
  std::vector<int32_t> lengths;
  for (int64_t i = 0; i < count; ++i) {
    const double uniform = (philox(seed, static_cast<uint64_t>(i))[0] + 0.5) / 4294967296.0;
    const double length = 30.0 / std::max(1e-3, uniform);
    lengths.push_back(static_cast<int32_t>(std::clamp(length, 1.0, static_cast<double>(capacity))));
  }
  return lengths;
}

TEST(Packing, HoldsEveryPieceOnceAndNoRowTooFull) {
  for (const int32_t capacity : {1, 7, 64, 1000}) {
    for (const int64_t count : {0, 1, 2, 500}) {
      const std::vector<int32_t> lengths = page_lengths(count, capacity, 3);
      const PackingPlan plan = pack_best_fit(lengths, capacity);
      const std::set<int64_t> pieces(plan.pieces.begin(), plan.pieces.end());
      EXPECT_EQ(pieces.size(), lengths.size());
      EXPECT_EQ(plan.pieces.size(), lengths.size());
      for (int64_t row = 0; row < plan.rows(); ++row) {
        EXPECT_GE(used(plan, lengths, row), 1);
        EXPECT_LE(used(plan, lengths, row), capacity);
      }
    }
  }
}

TEST(Packing, FillsRowsOfPagesAt98PercentOrMore) {
  for (const int32_t capacity : {512, 1024, 4096}) {
    const std::vector<int32_t> lengths = page_lengths(20'000, capacity, 11);
    const PackingPlan plan = pack_best_fit(lengths, capacity);
    double total = 0;
    for (const int32_t length : lengths) total += length;
    EXPECT_GE(total / (static_cast<double>(plan.rows()) * capacity), 0.98) << capacity;
  }
}

// The optimum of small cases, by trying every assignment.
int64_t fewest_rows(const std::vector<int32_t>& lengths, size_t at, std::vector<int32_t>& rooms,
                    int32_t capacity) {
  if (at == lengths.size()) return static_cast<int64_t>(rooms.size());
  int64_t best = INT64_MAX;
  for (size_t row = 0; row < rooms.size(); ++row) {
    if (rooms[row] < lengths[at]) continue;
    rooms[row] -= lengths[at];
    best = std::min(best, fewest_rows(lengths, at + 1, rooms, capacity));
    rooms[row] += lengths[at];
  }
  rooms.push_back(capacity - lengths[at]);
  best = std::min(best, fewest_rows(lengths, at + 1, rooms, capacity));
  rooms.pop_back();
  return best;
}

TEST(Packing, IsWithinItsProvenBoundOfTheOptimum) {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    std::vector<int32_t> lengths;
    for (uint64_t i = 0; i < 7; ++i)
      lengths.push_back(1 + static_cast<int32_t>(philox(seed, i)[0] % 20));
    std::vector<int32_t> rooms;
    const int64_t optimum = fewest_rows(lengths, 0, rooms, 20);
    EXPECT_LE(static_cast<double>(pack_best_fit(lengths, 20).rows()),
              11.0 / 9.0 * static_cast<double>(optimum) + 6.0 / 9.0);
  }
}

class Rows : public ::testing::Test {
 protected:
  TokenStream stream(const std::vector<std::vector<int32_t>>& documents, int64_t shard_tokens = 4) {
    const Path folder = temporary_ / std::to_string(count_++);
    return TokenStream(write_tokens_folder(folder, documents, {.shard_tokens = shard_tokens}),
                       Split::kTrain);
  }
  TemporaryFolder temporary_;
  int count_ = 0;
};

TEST_F(Rows, PackWholeDocumentsWithMaskAndPositions) {
  const TokenStream tokens = stream({{1, 2, 3}, {4, 5}, {6}, {7, 8, 9, 10}});
  const DocumentRows rows(tokens, {.sequence_len = 6, .document_mask = true});
  ASSERT_EQ(rows.size(), 2);  // 4 + 2 and 3 + 1 labels
  EXPECT_EQ(rows.labels(0), 6);
  EXPECT_EQ(rows.labels(1), 4);
  EXPECT_DOUBLE_EQ(rows.fill(), 10.0 / 12);
  Batch batch(1, 6);
  EXPECT_EQ(rows.read(0, batch.row(0)), 6);
  EXPECT_THAT(batch.input_ids, ElementsAre(4, 5, 7, 8, 9, 10));
  EXPECT_THAT(batch.labels, ElementsAre(5, 299, 8, 9, 10, 299));
  EXPECT_THAT(batch.positions, ElementsAre(0, 1, 0, 1, 2, 3));
  EXPECT_THAT(batch.key_range, ElementsAre(0, 1, 0, 2, 2, 3, 2, 4, 2, 5, 2, 6));
  EXPECT_EQ(rows.read(1, batch.row(0)), 4);
  EXPECT_THAT(batch.input_ids, ElementsAre(1, 2, 3, 6, 0, 0));
  EXPECT_THAT(batch.labels, ElementsAre(2, 3, 299, 299, -100, -100));
  EXPECT_THAT(batch.positions, ElementsAre(0, 1, 2, 0, 1, 2));
}

TEST_F(Rows, WithoutAMaskEveryTokenSeesTheRow) {
  const TokenStream tokens = stream({{1}, {2}});
  const DocumentRows rows(tokens, {.sequence_len = 2});
  Batch batch(1, 2);
  EXPECT_EQ(rows.read(0, batch.row(0)), 2);
  EXPECT_THAT(batch.positions, ElementsAre(0, 1));
  EXPECT_THAT(batch.key_range, ElementsAre(0, 1, 0, 2));
}

TEST_F(Rows, CutLongDocumentsAndLoseNothing) {
  for (const bool packed : {true, false}) {
    const TokenStream tokens = stream({counting(11, 100), {}, counting(3, 100)}, 5);
    const DocumentRows rows(tokens, {.sequence_len = 4, .packed = packed, .document_mask = true});
    EXPECT_EQ(rows.cut_documents(), 1);
    EXPECT_EQ(rows.documents_without_labels(), 1);
    Batch batch(1, 4);
    int64_t labels = 0;
    std::multiset<int32_t> seen;
    for (int64_t i = 0; i < rows.size(); ++i) {
      labels += rows.read(i, batch.row(0));
      EXPECT_EQ(rows.labels(i), 4 - std::count(batch.labels.begin(), batch.labels.end(), -100));
      for (const int32_t label : batch.labels)
        if (label != kIgnoredLabel) seen.insert(label);
    }
    EXPECT_EQ(static_cast<double>(labels), rows.total_labels());
    EXPECT_THAT(seen, ElementsAre(1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 299, 299));
  }
}

TEST_F(Rows, OneToARowMayGoByLength) {
  const TokenStream tokens = stream({counting(4, 9), counting(2, 9), counting(3, 9)});
  const DocumentRows plain(tokens, {.sequence_len = 8, .packed = false});
  const DocumentRows sorted(tokens, {.sequence_len = 8, .packed = false, .by_length = true});
  std::vector<int64_t> lengths;
  for (int64_t i = 0; i < 3; ++i) lengths.push_back(plain.labels(i));
  for (int64_t i = 0; i < 3; ++i) lengths.push_back(sorted.labels(i));
  EXPECT_THAT(lengths, ElementsAre(3, 1, 2, 1, 2, 3));
}

TEST_F(Rows, NeedADocumentOfTwoTokens) {
  const TokenStream tokens = stream({{}, {}});
  EXPECT_THAT(error_message([&] { DocumentRows(tokens, {.sequence_len = 4}); }),
              HasSubstr("no document of two tokens"));
}

TEST_F(Rows, AStepKnowsItsLabelsBeforeItIsRead) {
  const TokenStream tokens =
      stream({counting(9, 100), counting(2, 100), counting(5, 100), counting(30, 100)}, 7);
  for (const bool packed : {true, false}) {
    const DocumentRows rows(tokens, {.sequence_len = 8, .packed = packed, .by_length = !packed});
    const ShuffledBatches batches(std::vector<WeightedSequences>{{&rows, 1.0}},
                                  {.rows = 2, .micro_batches = 2, .seed = 5, .by_length = !packed});
    Batch batch(2, 8);
    for (int64_t step = 0; step < 10; ++step) {
      int64_t labels = 0;
      for (int64_t micro = 0; micro < 2; ++micro) {
        batches.fill(step, micro, batch);
        labels += batch.tokens;
      }
      EXPECT_EQ(batches.labels(step), labels);
    }
  }
}

TEST(LengthGroups, ReadEachSequenceOnceAndKeepNeighboursTogether) {
  for (const int64_t size : {1, 2, 3, 7, 8, 64, 101}) {
    for (const int64_t rows : {1, 2, 4, 16}) {
      const LengthGroupedOrder order(size, rows, 9);
      for (int64_t epoch = 0; epoch < 5; ++epoch) {
        std::set<int64_t> seen;
        for (int64_t i = 0; i < size; ++i) seen.insert(order(epoch * size + i));
        EXPECT_EQ(static_cast<int64_t>(seen.size()), size) << size << " " << rows;
        EXPECT_GE(*seen.begin(), 0);
        EXPECT_LT(*seen.rbegin(), size);
      }
      // Within an epoch the rows of a micro-batch are neighbours; one micro-batch joins epochs.
      for (int64_t first = 0; first + rows <= 5 * size; first += rows) {
        if (first / size != (first + rows - 1) / size) continue;
        EXPECT_EQ(order(first + rows - 1) - order(first), rows - 1);
      }
    }
  }
}

TEST(LengthGroups, ComeInAnotherOrderInEachEpoch) {
  const LengthGroupedOrder order(1024, 4, 1);
  std::vector<int64_t> first, second;
  for (int64_t i = 0; i < 1024; ++i) {
    first.push_back(order(i));
    second.push_back(order(1024 + i));
  }
  EXPECT_NE(first, second);
  EXPECT_FALSE(std::is_sorted(first.begin(), first.end()));
}

}  // namespace
}  // namespace weft::data
