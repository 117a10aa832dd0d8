// Columns of tables through `weft prepare`: missing values, normalization, one-hot; what is
// recorded, written beside the tokens, and applied to other data.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "data/prepare.h"
#include "data_test_util.h"
#include "weft/philox.h"

namespace weft::data {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

StageConfig missing(std::vector<std::string> columns, TableMethod method, std::string value = "") {
  StageConfig stage{.stage = StageKind::kMissing, .columns = std::move(columns), .method = method};
  if (method == TableMethod::kConstant) stage.value = std::move(value);
  return stage;
}
StageConfig normalize(std::vector<std::string> columns, TableMethod method) {
  return {.stage = StageKind::kNormalize, .columns = std::move(columns), .method = method};
}
StageConfig one_hot(std::vector<std::string> columns) {
  return {.stage = StageKind::kOneHot, .columns = std::move(columns)};
}

class Tables : public ::testing::Test {
 protected:
  Tables() {
    options_.split.size = 0;
    options_.output = folder_ / "tokens";
  }
  // Rows of features of the train split, shard by shard.
  std::vector<std::vector<float>> features(const std::string& content,
                                           std::vector<StageConfig> stages,
                                           const std::string& name = "a.csv") {
    options_.inputs = {folder_.write(name, content).string()};
    options_.stages = std::move(stages);
    options_.overwrite = true;
    result_ = prepare(ByteIds(), options_);
    return rows_of(options_.output, Split::kTrain);
  }
  static std::vector<std::vector<float>> rows_of(const Path& folder, Split split) {
    const DatasetManifest manifest = read_manifest(folder);
    std::vector<std::vector<float>> rows;
    for (size_t i = 0; i < manifest.split(split).features.size(); ++i) {
      const std::string bytes =
          real_file_system().read(folder / features_name(split, i), int64_t{1} << 30);
      EXPECT_EQ(hash64(bytes), manifest.split(split).features[i].hash);
      const auto documents = manifest.split(split).shards[i].documents;
      const size_t width = manifest.features.size();
      const std::string header = npy_header(documents, static_cast<int64_t>(width));
      EXPECT_TRUE(bytes.starts_with(header));
      EXPECT_EQ(bytes.size(), header.size() + static_cast<size_t>(documents) * width * 4);
      for (size_t at = header.size(); at < bytes.size(); at += width * 4) {
        rows.emplace_back(width);
        std::memcpy(rows.back().data(), bytes.data() + at, width * 4);
      }
    }
    return rows;
  }
  std::string error_of(const std::string& content, std::vector<StageConfig> stages,
                       const std::string& name = "a.csv") {
    try {
      features(content, std::move(stages), name);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

  TemporaryFolder folder_;
  PrepareOptions options_;
  PrepareResult result_;
};

TEST_F(Tables, FillsWithTheMeanTheMedianAndConstants) {
  const std::string rows = "text,a,b,c\nu,1,10,\nv,,NA,x\nw,4,20,null\nx,7,90,y\ny, 8 ,NaN,-\n";
  StageConfig words = missing({"c"}, TableMethod::kConstant, "other");
  words.markers = {"-"};
  EXPECT_THAT(features(rows, {missing({"a"}, TableMethod::kMean),
                              missing({"b"}, TableMethod::kMedian), words, one_hot({"c"})}),
              ElementsAre(ElementsAre(1, 10, 1, 0, 0), ElementsAre(5, 20, 0, 1, 0),
                          ElementsAre(4, 20, 1, 0, 0), ElementsAre(7, 90, 0, 0, 1),
                          ElementsAre(8, 20, 1, 0, 0)));
  EXPECT_THAT(result_.manifest.features, ElementsAre("a", "b", "c=other", "c=x", "c=y"));
  EXPECT_EQ(result_.manifest.columns[0].missing, 1);
  EXPECT_EQ(result_.manifest.columns[1].missing, 2);
  EXPECT_EQ(result_.manifest.stages[1].changed, 2);
  EXPECT_EQ(result_.manifest.stages[1].counts[0].what, "b: missing, filled with 20.0");
  EXPECT_THAT(real_file_system().read(options_.output / "report.html", 1 << 20),
              AllOf(HasSubstr("missing median"), HasSubstr("other, x, y")));
}

TEST_F(Tables, DropsRowsBeforeWhatLaterStagesLearn) {
  const std::string rows = "text,a,b\nu,1,\nv,3,5\nw,,7\nx,5,9\n";
  EXPECT_THAT(features(rows, {missing({"a", "b"}, TableMethod::kDrop),
                              normalize({"a"}, TableMethod::kMinMax)}),
              ElementsAre(ElementsAre(0, 5), ElementsAre(1, 9)));
  EXPECT_EQ(result_.manifest.stages[0].dropped, 2);
  EXPECT_EQ(result_.manifest.columns[2].least, 3);
}

TEST_F(Tables, NormalizesByDeviationAndByRange) {
  const std::string rows = "text,a,b,one\nu,2,-1,3\nv,4,0,3\nw,6,3,3\n";
  const auto result = features(rows, {normalize({"a", "one"}, TableMethod::kZScore),
                                      normalize({"b"}, TableMethod::kMinMax)});
  const float side = static_cast<float>(2 / std::sqrt(8.0 / 3));
  EXPECT_THAT(result_.manifest.features, ElementsAre("a", "one", "b"));
  EXPECT_THAT(result, ElementsAre(ElementsAre(-side, 0, 0), ElementsAre(0, 0, 0.25),
                                  ElementsAre(side, 0, 1)));
}

TEST_F(Tables, FilledValuesCountInScales) {
  // Filled: 0, 0, 6: mean 2, deviation sqrt(8).
  const auto result = features(
      "text,a\nu,\nv,NA\nw,6\n",
      {missing({"a"}, TableMethod::kConstant, "0"), normalize({"a"}, TableMethod::kZScore)});
  EXPECT_DOUBLE_EQ(result_.manifest.columns[1].subtract, 2);
  EXPECT_DOUBLE_EQ(result_.manifest.columns[1].divide, std::sqrt(8.0));
  EXPECT_EQ(result_.manifest.columns[1].least, 0);
  EXPECT_FLOAT_EQ(result[2][0], static_cast<float>(4 / std::sqrt(8.0)));
}

TEST_F(Tables, ReadsFieldsOfJsonWhereverTheyAre) {
  const auto result = features(
      "{\"text\": \"u\", \"n\": 1, \"of\": {\"c\": true}, \"a.b\": 5}\n"
      "{\"text\": \"v\", \"n\": null, \"of\": {\"c\": \"x\"}, \"a.b\": \"6\"}\n"
      "{\"text\": \"w\", \"of\": {}, \"a.b\": 7.5e0}\n",
      {missing({"n"}, TableMethod::kMean), missing({"of.c"}, TableMethod::kConstant, "none"),
       one_hot({"of.c"}), normalize({"a.b"}, TableMethod::kMinMax)},
      "a.jsonl");
  EXPECT_THAT(result_.manifest.features,
              ElementsAre("n", "of.c=none", "of.c=true", "of.c=x", "a.b"));
  EXPECT_THAT(result, ElementsAre(ElementsAre(1, 0, 1, 0, 0), ElementsAre(1, 0, 0, 1, 0.4f),
                                  ElementsAre(1, 1, 0, 0, 1)));
}

TEST_F(Tables, SaysWhereACellIsWrong) {
  const auto scale = normalize({"a"}, TableMethod::kZScore);
  EXPECT_THAT(error_of("text,a\nu,1\n\"v\nv\",abc\n", {scale}),
              HasSubstr("a.csv:4:4: column 'a' is 'abc', allowed is a number"));
  EXPECT_THAT(error_of("text,a\nu,1\nv,\n", {scale}),
              HasSubstr("a.csv:3:3: column 'a' has no value; put the stage missing before"));
  EXPECT_THAT(error_of("text,a\nu,1e39\n", {scale}), HasSubstr("is '1e39', allowed is a number"));
  EXPECT_THAT(error_of("text,a\nu,inf\n", {scale}), HasSubstr("is 'inf', allowed is a number"));
  EXPECT_THAT(error_of("text,a\nu,0x10\n", {scale}), HasSubstr("is '0x10'"));
  EXPECT_THAT(error_of("text,a\nu,\"1,5\"\n", {scale}), HasSubstr("a.csv:2:3"));
  EXPECT_THAT(error_of("text,b\nu,1\n", {scale}),
              AllOf(HasSubstr("a.csv:1: column 'a' is missing"), HasSubstr("'text', 'b'")));
  EXPECT_THAT(error_of("text,a,b,a\nu,1,2,3\n", {scale}),
              HasSubstr("a.csv:1:10: column 'a' stands there twice"));
  EXPECT_THAT(error_of("text,a\nu,\xFF\n", {one_hot({"a"})}), HasSubstr("is no UTF-8 text"));
  EXPECT_THAT(error_of("{\"text\": \"u\", \"a\": [1]}\n", {scale}, "a.jsonl"),
              HasSubstr("a.jsonl:1: field `a` is a list, allowed is a number or a string"));
  EXPECT_THAT(error_of("{\"text\": \"u\", \"a\": 1, \"a\": 2}\n", {scale}, "a.jsonl"),
              HasSubstr("field `a` stands there 2 times"));
  EXPECT_THAT(error_of("u", {scale}, "a.txt"), HasSubstr("is plain text, and has no columns"));
}

TEST_F(Tables, SkipsRowsWithBadCellsAndCountsThem) {
  options_.bad_input = BadInput::kSkip;
  EXPECT_THAT(features("text,a\nu,1\nv,abc\nw,3\n", {normalize({"a"}, TableMethod::kMinMax)}),
              ElementsAre(ElementsAre(0), ElementsAre(1)));
  ASSERT_EQ(result_.manifest.left_out.size(), 1u);
  EXPECT_EQ(result_.manifest.left_out[0].reason, "cell that is missing or no number");
  EXPECT_THAT(result_.manifest.left_out[0].example, HasSubstr("a.csv:3:3"));
}

TEST_F(Tables, RefusesColumnsWithoutAnyValue) {
  const std::string rows = "text,a\nu,\nv,NA\n";
  for (const TableMethod method : {TableMethod::kMean, TableMethod::kMedian})
    EXPECT_THAT(
        error_of(rows, {missing({"a"}, method)}),
        HasSubstr("column 'a' has no value in any row of the train split (2 rows lack it)"));
  EXPECT_THAT(error_of(rows, {missing({"a"}, TableMethod::kDrop)}),
              HasSubstr("every document was left out"));
  EXPECT_THAT(features(rows, {missing({"a"}, TableMethod::kConstant, "-2.5"),
                              normalize({"a"}, TableMethod::kZScore)}),
              ElementsAre(ElementsAre(0), ElementsAre(0)));
}

TEST_F(Tables, RefusesListsThatContradictThemselves) {
  const auto plan = [](std::vector<StageConfig> stages) {
    try {
      plan_tables(stages);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  const auto scale = normalize({"a"}, TableMethod::kZScore);
  EXPECT_THAT(plan({{.stage = StageKind::kHtml}, scale}),
              HasSubstr("stage normalize stands after html"));
  EXPECT_THAT(plan({scale, scale}), HasSubstr("stands in two stages normalize"));
  EXPECT_THAT(plan({scale, missing({"a"}, TableMethod::kMean)}), HasSubstr("put missing first"));
  EXPECT_THAT(plan({scale, one_hot({"a"})}), HasSubstr("a column is a number or a category"));
  EXPECT_THAT(plan({missing({"a"}, TableMethod::kMean), one_hot({"a"})}),
              HasSubstr("is one_hot and has no mean"));
  EXPECT_THAT(plan({missing({"a"}, TableMethod::kConstant, "x"), scale}),
              HasSubstr("the constant 'x' is none"));
  EXPECT_THAT(plan({missing({"a"}, TableMethod::kConstant, "x"), one_hot({"a"})}), IsEmpty());
}

TEST_F(Tables, StopsAtTooManyCategories) {
  StageConfig few = one_hot({"a"});
  few.most = 2;
  EXPECT_THAT(error_of("text,a\nu,1\nv,2\nw,2\nx,3\n", {few}),
              HasSubstr("a.csv:5: column 'a' has more than 2 different values"));
}

// A thousand rows; the statistics of their train split, applied to others.
class TablesOfMany : public Tables {
 protected:
  static std::string rows(uint64_t seed, uint64_t count) {
    std::string table = "text,a,b,c\n";
    for (uint64_t i = 0; i < count; ++i) {
      const auto random = philox(seed, i);
      table += "row " + std::to_string(i) + " of " + std::to_string(random[3]) + ",";
      if (random[0] % 8 != 0) table += std::to_string(static_cast<int32_t>(random[0])) + ".5";
      table += "," + std::to_string(1e6 + 1e-3 * static_cast<double>(random[1] % 1000)) + ",c" +
               std::to_string(random[2] % 5) + "\n";
    }
    return table;
  }
  std::vector<StageConfig> stages() const {
    return {missing({"a"}, TableMethod::kMedian),
            normalize({"a", "b"}, TableMethod::kZScore),
            one_hot({"c"}),
            {.stage = StageKind::kExactDuplicates}};
  }
};

TEST_F(TablesOfMany, LearnFromTheTrainSplitAlone) {
  options_.split.size = 0.3;
  const auto train = features(rows(1, 1000), stages());
  const auto validation = rows_of(options_.output, Split::kValidation);
  EXPECT_EQ(train.size() + validation.size(), 1000u);
  double sum = 0, squares = 0;
  for (const auto& row : train) {
    sum += row[1];
    squares += double{row[1]} * row[1];
  }
  EXPECT_LE(std::abs(sum), 1e-2);
  EXPECT_LE(std::abs(squares / static_cast<double>(train.size()) - 1), 1e-5);
}

TEST_F(TablesOfMany, ApplyRecordedStatisticsToOtherRows) {
  features(rows(1, 1000), stages());
  const PrepareResult first = result_;
  options_.column_statistics = folder_ / "tokens";
  options_.output = folder_ / "others";
  const auto others = features("text,a,b,c\nu,,1000000,c3\nv,7.5,1000000,new\n", stages());
  EXPECT_EQ(result_.manifest.columns, first.manifest.columns);
  const auto& columns = first.manifest.columns;
  EXPECT_EQ(others[0][0],
            static_cast<float>((columns[0].fill - columns[1].subtract) / columns[1].divide));
  EXPECT_EQ(others[1][0], static_cast<float>((7.5 - columns[1].subtract) / columns[1].divide));
  EXPECT_THAT(std::vector<float>(others[0].begin() + 2, others[0].end()),
              ElementsAre(0, 0, 0, 1, 0));
  EXPECT_THAT(std::vector<float>(others[1].begin() + 2, others[1].end()),
              ElementsAre(0, 0, 0, 0, 0));
  EXPECT_EQ(result_.manifest.stages[2].counts[0].what, "c: category that is not known");
  EXPECT_THAT(error_of("text,a\nu,1\n", {normalize({"a"}, TableMethod::kMinMax)}),
              AllOf(HasSubstr("step 1 of the stages is normalize by min_max of 'a'"),
                    HasSubstr("missing by median of 'a'")));
}

TEST_F(TablesOfMany, AreTheSameWhateverTheThreadsAndAfterAnInterruption) {
  options_.split.size = 0.2;
  options_.shard_tokens = 4000;
  options_.save_bytes = 4 << 10;
  const auto bytes = [&] {
    std::string all;
    for (const std::string& file : real_file_system().list(options_.output))
      all += file + "\n" + real_file_system().read(options_.output / file, 1 << 28);
    return all;
  };
  features(rows(1, 1000), stages());
  const std::string alone = bytes();
  options_.threads = 3;
  features(rows(1, 1000), stages());
  EXPECT_TRUE(bytes() == alone);

  remove_tree(real_file_system(), options_.output);
  bool interrupted = false;
  options_.progress = [&](const PrepareProgress& progress) {
    if (progress.saved && progress.bytes_done > 20'000 && !std::exchange(interrupted, true))
      throw Error("interrupted", ExitCode::kInterrupted);
  };
  EXPECT_THAT(error_of(rows(1, 1000), stages()), HasSubstr("interrupted"));
  features(rows(1, 1000), stages());
  EXPECT_TRUE(interrupted);
  EXPECT_TRUE(bytes() == alone);
}

TEST(ExactMedian, OfAnyNumberOfValuesInAnyAmountOfMemory) {
  TemporaryFolder folder;
  for (const size_t in_memory : std::initializer_list<size_t>{1, 3, 64, 5000})
    for (const size_t count : std::initializer_list<size_t>{1, 2, 3, 4, 5, 1000, 1001}) {
      std::vector<double> values;
      ExactMedian median(real_file_system(), folder / "values.open", in_memory);
      for (size_t i = 0; i < count; ++i) {
        const auto random = philox(count, i);
        double value = static_cast<double>(static_cast<int32_t>(random[0])) *
                       std::pow(10.0, static_cast<double>(random[1] % 40) - 20);
        if (random[2] % 7 == 0) value = random[2] % 2 == 0 ? 0.0 : -0.0;
        values.push_back(value);
        median.add(value);
      }
      std::sort(values.begin(), values.end());
      const double wanted = (values[(count - 1) / 2] + values[count / 2]) / 2;
      EXPECT_EQ(median.median(), wanted) << in_memory << " " << count;
    }
}

}  // namespace
}  // namespace weft::data
