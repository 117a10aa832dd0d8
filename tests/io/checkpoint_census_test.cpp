// What stands in a run's folder, what is kept, and what differs between two checkpoints.
#include "io/checkpoint_census.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "io/checkpoint_diff.h"
#include "io/safetensors.h"
#include "tests/core/faulty_file_system.h"
#include "tests/core/temporary_folder.h"
#include "tests/io/checkpoint_test_run.h"

namespace weft::io {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// The real file system, without waiting for the device.
FileSystem& disk() {
  static FaultyFileSystem files(Fault::kNone);
  return files;
}

TEST(Retention, KeepsLastEveryKthAndBest) {
  const TemporaryFolder run;
  CheckpointStore store(disk(), run.path(), {.keep_last = 2, .keep_every = 4});
  for (int64_t step = 1; step <= 11; ++step) store.save(scored(step, step == 3 ? 0.5 : 1.0));
  EXPECT_THAT(checkpoint_steps(disk(), run.path()), ElementsAre(11, 10, 8, 4, 3));
}

TEST(Retention, WithoutALimitAllStay) {
  const TemporaryFolder run;
  CheckpointStore store(disk(), run.path(), {.keep_last = 0, .keep_every = 4});
  for (int64_t step = 1; step <= 3; ++step) store.save(checkpoint_of(step));
  EXPECT_THAT(checkpoint_steps(disk(), run.path()), ElementsAre(3, 2, 1));
}

TEST(CheckpointCensus, TellsStatesAndLeftovers) {
  const TemporaryFolder run;
  {
    CheckpointStore store(disk(), run.path(), {});
    for (int64_t step = 1; step <= 3; ++step) store.save(checkpoint_of(step));
  }
  run.write("checkpoint-3/config.json", "[]");  // as long as it was
  std::filesystem::remove(run / "checkpoint-2/config.json");
  for (const std::string name : {".checkpoint-9.partial/x", ".checkpoint-9.removed/x", ".a.tmp-1-2",
                                 ".a.tmp-1-", ".checkpoint-x.partial/x", "damaged-checkpoint-1/x"})
    run.write(name, "1234");
  const auto states = [&](CensusDepth depth) {
    std::vector<CheckpointState> result;
    for (const auto& entry : take_census(disk(), run.path(), depth).checkpoints)
      result.push_back(entry.state);
    return result;
  };
  constexpr auto kIntact = CheckpointState::kIntact, kDamaged = CheckpointState::kDamaged;
  EXPECT_THAT(states(CensusDepth::kSizes), ElementsAre(kIntact, kDamaged, kIntact));
  EXPECT_THAT(states(CensusDepth::kHashes), ElementsAre(kDamaged, kDamaged, kIntact));
  std::vector<std::string> meanings;
  for (const Leftover& one : take_census(disk(), run.path(), CensusDepth::kSizes).leftovers) {
    meanings.push_back(one.meaning);
    EXPECT_EQ(one.bytes, 4);
  }
  EXPECT_THAT(meanings, ElementsAre("temporary file", "unfinished", "half removed", "quarantined"));
}

TEST(CheckpointRepair, QuarantinesWhatIsDamagedAndNothingElse) {
  const TemporaryFolder run;
  CheckpointStore store(disk(), run.path(), {});
  for (int64_t step = 1; step <= 3; ++step) store.save(checkpoint_of(step));
  EXPECT_THAT(store.repair(), IsEmpty());
  run.write("checkpoint-3/config.json", "[]");
  run.write("damaged-checkpoint-3/x", "an earlier one");
  run.write(".run_config.yaml.tmp-1-2", "half");
  EXPECT_THAT(store.repair(),
              ElementsAre(HasSubstr("damaged-checkpoint-3-2'"), HasSubstr("was removed")));
  EXPECT_THAT(checkpoint_steps(disk(), run.path()), ElementsAre(2, 1));
  EXPECT_TRUE(holds(*latest_checkpoint(disk(), run.path()).checkpoint, 2));
  EXPECT_EQ(read_text_file(run / "damaged-checkpoint-3-2/config.json", 10), "[]");
}

// A checkpoint of one tensor `name` and a text.
void save_tensor(CheckpointStore& store, int64_t step, const std::string& name,
                 std::vector<float> values) {
  const auto count = static_cast<int64_t>(values.size());
  const std::vector tensors = {floats_to_write(name, {count}, values, StoredType::kF32)};
  store.save(
      {.step = step,
       .files = {{.name = "model.safetensors",
                  .bytes = safetensors_size(tensors, {}),
                  .content = [&](WritableFile& out) { write_safetensors(out, tensors, {}); }},
                 text_to_write("notes", std::to_string(step / 2))}});
}

Checkpoint saved(const TemporaryFolder& run, int64_t step) {
  return open_checkpoint(disk(), checkpoint_folder(run.path(), step));
}

TEST(CheckpointDiff, HasTheNormsOfEachTensorAndOfTheDifference) {
  const TemporaryFolder run;
  CheckpointStore store(disk(), run.path(), {});
  std::vector<float> large(40000, 1.0f);  // more than one piece
  save_tensor(store, 2, "w", large);
  large[39999] = 4.0f;
  save_tensor(store, 3, "w", large);
  save_tensor(store, 4, "v", {3.0f, 4.0f});
  save_tensor(store, 5, "v", {3.0f, 4.0f, std::nanf("")});
  const auto first = compare_tensors(saved(run, 2), saved(run, 3));
  ASSERT_THAT(first, SizeIs(1));
  EXPECT_DOUBLE_EQ(*first[0].norm_before, 200.0);
  EXPECT_DOUBLE_EQ(*first[0].norm_after, std::sqrt(39999.0 + 16.0));
  EXPECT_DOUBLE_EQ(*first[0].norm_of_change, 3.0);
  EXPECT_FALSE(first[0].equal);
  EXPECT_TRUE(compare_tensors(saved(run, 2), saved(run, 2))[0].equal);
  const auto renamed = compare_tensors(saved(run, 3), saved(run, 4));
  ASSERT_THAT(renamed, SizeIs(2));
  EXPECT_EQ(renamed[0].before, "");
  EXPECT_DOUBLE_EQ(*renamed[0].norm_after, 5.0);
  EXPECT_FALSE(renamed[0].norm_before || renamed[0].norm_of_change || renamed[1].norm_after);
  const auto longer = compare_tensors(saved(run, 4), saved(run, 5));
  EXPECT_EQ(longer[0].after, "F32[3]");
  EXPECT_FALSE(longer[0].equal || longer[0].norm_of_change);
  EXPECT_TRUE(std::isnan(*longer[0].norm_after));
  EXPECT_EQ(compare_files(saved(run, 2), saved(run, 3))[0].change, FileChange::kSame);
  EXPECT_EQ(compare_files(saved(run, 3), saved(run, 4))[0].change, FileChange::kChanged);
}

}  // namespace
}  // namespace weft::io
