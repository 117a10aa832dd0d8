// From text to a tokens folder: every token once, splits as asked, whole or not at all.
#include "data/prepare.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>

#include "data/pending_folder.h"
#include "data_test_util.h"
#include "tests/core/faulty_file_system.h"
#include "tests/core/sanitizer.h"

namespace weft::data {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

// 3.5 MB; under a sanitizer, where each byte takes long, just more than the megabyte that is read
// at once.
constexpr int kManyLines = WEFT_UNDER_SANITIZER ? 100000 : 300000;

class Prepare : public ::testing::Test {
 protected:
  std::string path(const std::string& name) { return (folder_ / name).string(); }
  std::string write(const std::string& name, std::string_view text) {
    return folder_.write(name, text).string();
  }
  PrepareResult run(std::vector<std::string> inputs, const SplitOptions& split = {.size = 0}) {
    options_.inputs = std::move(inputs);
    options_.output = folder_ / "tokens";
    options_.overwrite = true;
    options_.split = split;
    return prepare(tokenizer_, options_);
  }
  // The documents of a split as text.
  std::vector<std::string> documents(Split split) {
    std::vector<std::string> result(1);
    const TokenStream stream(folder_ / "tokens", split);
    stream.verify();
    for (const int32_t token : all_tokens(stream)) {
      if (token == ByteIds::kEos) result.emplace_back();
      else result.back() += static_cast<char>(token);
    }
    EXPECT_EQ(result.back(), "") << "the stream ends with an end of text";
    result.pop_back();
    EXPECT_EQ(static_cast<int64_t>(result.size()), stream.documents());
    return result;
  }
  static std::string joined(const std::vector<std::string>& texts) {
    std::string all;
    for (const std::string& text : texts) all += text;
    return all;
  }
  std::string jsonl(const std::string& name, int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += "{\"text\": \"document " + std::to_string(i) + "\"}\n";
    return write(name, text);
  }
  static std::string lines(int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += "line " + std::to_string(i) + "\n";
    return text;
  }
  double share() {
    const double train = static_cast<double>(joined(documents(Split::kTrain)).size());
    const double validation = static_cast<double>(joined(documents(Split::kValidation)).size());
    return validation / (train + validation);
  }

  TemporaryFolder folder_;
  ByteIds tokenizer_;
  PrepareOptions options_;
};

TEST_F(Prepare, WritesDocumentsWithTheirEnds) {
  const auto result =
      run({write("a.txt", "one"), write("b.jsonl", "{\"text\": \"two\"}\n{\"text\": \"three\"}")});
  EXPECT_THAT(documents(Split::kTrain), ElementsAre("one", "two", "three"));
  EXPECT_THAT(documents(Split::kValidation), ElementsAre());
  EXPECT_EQ(read_manifest(folder_ / "tokens"), result.manifest);
  const DatasetManifest& manifest = result.manifest;
  EXPECT_EQ(manifest.split(Split::kTrain).bytes, 11);
  EXPECT_EQ(manifest.split(Split::kTrain).tokens, 14);
  EXPECT_EQ(manifest.split(Split::kTrain).documents, 3);
  EXPECT_EQ(manifest.input_files, 2);
  EXPECT_EQ(manifest.tokenizer, "bytes");
  EXPECT_EQ(manifest.tokenizer_hash, tokenizer_hash(tokenizer_));
  EXPECT_THAT(result.warnings, ElementsAre());
  EXPECT_THAT(real_file_system().list(folder_ / "tokens"),
              ElementsAre("dataset.json", "report.html", "tokenizer.json", "tokenizer_config.json",
                          "train-00000.weft"));
  // Nothing is left beside it.
  EXPECT_THAT(real_file_system().list(folder_.path()), ElementsAre("a.txt", "b.jsonl", "tokens"));
}

TEST_F(Prepare, BeginsDocumentsWithBosWhereTheTokenizerDoes) {
  const ByteIds with_bos({.adds_bos = true});
  options_.inputs = {write("a.txt", std::string(3 << 20, 'x'))};  // several pieces
  options_.output = folder_ / "tokens";
  options_.split.size = 0;
  prepare(with_bos, options_);
  const auto tokens = all_tokens(TokenStream(folder_ / "tokens", Split::kTrain));
  EXPECT_EQ(tokens.size(), (3u << 20) + 2);
  EXPECT_EQ(tokens.front(), ByteIds::kBos);
  EXPECT_EQ(std::count(tokens.begin(), tokens.end(), ByteIds::kBos), 1);
}

TEST_F(Prepare, HoldsOutDocumentsByHash) {
  const auto result = run({jsonl("a.jsonl", 4000)}, {.size = 0.1, .seed = 1});
  const auto train = documents(Split::kTrain), validation = documents(Split::kValidation);
  EXPECT_EQ(train.size() + validation.size(), 4000u);
  // Binomial: four standard deviations are 76.
  EXPECT_NEAR(static_cast<double>(validation.size()), 400, 76);
  EXPECT_THAT(result.warnings, ElementsAre());
  std::vector<std::string> all = train;
  all.insert(all.end(), validation.begin(), validation.end());
  std::sort(all.begin(), all.end());
  EXPECT_EQ(std::unique(all.begin(), all.end()), all.end());
  run({jsonl("a.jsonl", 4000)}, {.size = 0.1, .seed = 2});
  EXPECT_NE(documents(Split::kValidation), validation);
}

TEST_F(Prepare, TextsAddedLaterMoveNoOthers) {
  run({jsonl("a.jsonl", 500)}, {.size = 0.2});
  const auto before = documents(Split::kValidation);
  run({write("0.txt", "something new"), jsonl("a.jsonl", 700)}, {.size = 0.2});
  auto after = documents(Split::kValidation);
  for (const std::string& document : before)
    EXPECT_NE(std::find(after.begin(), after.end(), document), after.end()) << document;
}

TEST_F(Prepare, CutsASingleDocumentIntoPiecesForHash) {
  const std::string text = lines(kManyLines);
  for (const bool as_json : {false, true}) {
    std::string escaped;
    for (const char c : text) escaped += c == '\n' ? std::string("\\n") : std::string(1, c);
    const std::string json = "{\"text\": \"" + escaped + "\"}";
    const auto input = as_json ? write("a.jsonl", json) : write("a.txt", text);
    run({input}, {.size = 0.1});
    EXPECT_GT(share(), 0.01);
    EXPECT_LT(share(), 0.25);
    // Every line once, and whole.
    std::vector<std::string> parts = documents(Split::kTrain);
    const auto validation = documents(Split::kValidation);
    parts.insert(parts.end(), validation.begin(), validation.end());
    for (const std::string& part : parts) {
      EXPECT_EQ(part.substr(0, 5), "line ");
      EXPECT_EQ(part.back(), '\n');
    }
    std::sort(parts.begin(), parts.end(), [](const std::string& a, const std::string& b) {
      return std::stoi(a.substr(5)) < std::stoi(b.substr(5));
    });
    EXPECT_EQ(joined(parts), text);
    // What follows in the same split is one document.
    EXPECT_LE(parts.size(), 2 * validation.size() + 1);
  }
}

TEST_F(Prepare, CutsAShortSingleDocumentToo) {
  for (const char* name : {"a.txt", "short.txt"}) {
    const std::string text = lines(name[0] == 'a' ? 3000 : 20);
    run({write(name, text)}, {.size = 0.05});
    EXPECT_FALSE(documents(Split::kValidation).empty());
    EXPECT_LT(share(), 0.5);
    EXPECT_EQ(
        joined(documents(Split::kTrain)).size() + joined(documents(Split::kValidation)).size(),
        text.size());
  }
}

TEST_F(Prepare, HoldsOutAtLeastOneDocument) {
  std::vector<std::string> inputs;
  for (int i = 0; i < 5; ++i)
    inputs.push_back(write("t" + std::to_string(i) + ".txt", "text " + std::to_string(i)));
  for (const double size : {1e-9, 0.999999}) {
    const auto result = run(inputs, {.size = size});
    const auto train = documents(Split::kTrain), validation = documents(Split::kValidation);
    EXPECT_EQ(train.size() + validation.size(), 5u);
    EXPECT_EQ((size < 0.5 ? validation : train).size(), 1u);
    if (size < 0.5) {
      EXPECT_THAT(result.warnings, ElementsAre(HasSubstr("validation holds 20 % of the text")));
    }
  }
}

TEST_F(Prepare, HoldsOutTheTail) {
  run({jsonl("a.jsonl", 1000)}, {.by = SplitBy::kTail, .size = 0.1});
  const auto train = documents(Split::kTrain), validation = documents(Split::kValidation);
  EXPECT_NEAR(static_cast<double>(validation.size()), 100, 2);
  EXPECT_EQ(train.front(), "document 0");
  EXPECT_EQ(validation.back(), "document 999");
  EXPECT_EQ(validation.front(), "document " + std::to_string(train.size()));
}

TEST_F(Prepare, CutsLongDocumentsOfTheTailAtLines) {
  const std::string text = lines(kManyLines);
  for (const double size : {0.001, 0.05, 0.5, 0.95}) {
    run({write("a.txt", text)}, {.by = SplitBy::kTail, .size = size});
    const std::string train = joined(documents(Split::kTrain));
    const std::string validation = joined(documents(Split::kValidation));
    EXPECT_EQ(train + validation, text);
    EXPECT_EQ(train.back(), '\n');
    EXPECT_NEAR(share(), size, 1e-4);
  }
}

TEST_F(Prepare, CutsAShortDocumentOfTheTailIfNothingElseIsLeft) {
  run({write("a.txt", lines(100))}, {.by = SplitBy::kTail, .size = 0.1});
  EXPECT_EQ(joined(documents(Split::kTrain)) + joined(documents(Split::kValidation)), lines(100));
  EXPECT_NEAR(share(), 0.1, 0.01);
}

TEST_F(Prepare, SaysWhenASplitCannotBeMade) {
  const auto error = [&](const SplitOptions& split) {
    return error_message([&] { run({write("a.txt", "short text")}, split); });
  };
  EXPECT_THAT(error({.size = 0.05}), HasSubstr("the validation split would be empty"));
  EXPECT_THAT(error({.by = SplitBy::kTail, .size = 0.05}),
              HasSubstr("the validation split would be empty"));
  EXPECT_THAT(error({.size = 1.0}), HasSubstr("val_split size 1.0"));
  EXPECT_THAT(error({.size = -0.1}), HasSubstr("is not allowed"));
  EXPECT_THAT(error({.size = std::nan("")}), HasSubstr("is not allowed"));
}

TEST_F(Prepare, CutsShardsAtTheirSize) {
  options_.shard_tokens = 10;
  const auto result = run({write("a.txt", std::string(25, 'x')), write("b.txt", "yz")});
  std::vector<int64_t> tokens, documents_in;
  for (const ShardSummary& shard : result.manifest.split(Split::kTrain).shards) {
    tokens.push_back(shard.tokens);
    documents_in.push_back(shard.documents);
  }
  EXPECT_THAT(tokens, ElementsAre(10, 10, 9));
  EXPECT_THAT(documents_in, ElementsAre(1, 0, 1));
  EXPECT_THAT(documents(Split::kTrain), ElementsAre(std::string(25, 'x'), "yz"));
}

TEST_F(Prepare, CountsWhatWasLeftOut) {
  write("corpus/a.txt", "text");
  write("corpus/b.txt", "text");
  write("corpus/c.png", "x");
  write("corpus/d.jsonl", "\n{\"text\": \"\"}\n{\"text\": \"more\"}\n");
  const auto result = run({path("corpus")});
  std::map<std::string, int64_t> counts;
  for (const LeftOut& item : result.manifest.left_out) counts[item.reason] = item.count;
  EXPECT_EQ(counts, (std::map<std::string, int64_t>{{"duplicate of an earlier file", 1},
                                                    {"file with another extension", 1},
                                                    {"blank line", 1},
                                                    {"empty document", 1}}));
  EXPECT_THAT(documents(Split::kTrain), ElementsAre("text", "more"));
}

TEST_F(Prepare, RefusesNumbersThatMakeNoSense) {
  options_.inputs = {write("a.txt", "text")};
  options_.shard_tokens = 0;
  EXPECT_THAT(error_message([&] { prepare(tokenizer_, options_); }), HasSubstr("shard_tokens 0"));
  options_.shard_tokens = int64_t{1} << 40;
  EXPECT_THAT(error_message([&] { prepare(tokenizer_, options_); }),
              HasSubstr("from 1 to 1073741824"));
  options_.shard_tokens = 10;
  options_.threads = 0;
  EXPECT_THAT(error_message([&] { prepare(tokenizer_, options_); }), HasSubstr("threads 0"));
}

TEST_F(Prepare, SaysWhatIsWrongWithTokenizerOrText) {
  options_.output = folder_ / "tokens";
  options_.inputs = {write("a.jsonl", "{\"text\": \"x\"}\n{\"text\": \"y\"}\n")};
  EXPECT_THAT(error_message([&] { prepare(ByteIds({.has_eos = false}), options_); }),
              HasSubstr("has no end-of-text token"));
  EXPECT_THAT(error_message([&] { prepare(ByteIds({.refuses = "y"}), options_); }),
              HasSubstr("a.jsonl:2: no token for 'y'"));
  options_.inputs = {write("b.jsonl", "\n\n")};
  EXPECT_THAT(error_message([&] { prepare(tokenizer_, options_); }),
              HasSubstr("no text is left of"));
  options_.inputs = {write("c.txt", "x\xFF")};
  EXPECT_THAT(error_message([&] { prepare(tokenizer_, options_); }), HasSubstr("at byte 1"));
  EXPECT_EQ(real_file_system().status(folder_ / "tokens").kind, FileKind::kMissing);
  EXPECT_THAT(real_file_system().list(folder_.path()), ElementsAre("a.jsonl", "b.jsonl", "c.txt"));
}

TEST_F(Prepare, NeverHarmsAFolderThatHoldsSomethingElse) {
  options_.inputs = {write("a.txt", "text")};
  options_.split.size = 0;
  const auto error = [&](const std::string& output, bool overwrite) {
    options_.output = path(output);
    options_.overwrite = overwrite;
    return error_message([&] { prepare(tokenizer_, options_); });
  };
  write("full/notes.txt", "mine");
  EXPECT_THAT(error("full", false),
              AllOf(HasSubstr("exists and is not empty"), HasSubstr("--overwrite")));
  EXPECT_THAT(error("full", true), HasSubstr("holds no dataset.json, so it is not replaced"));
  EXPECT_THAT(error("a.txt", true), HasSubstr("is a file"));
  EXPECT_THAT(error("a.txt/x", true), HasSubstr("a.txt"));
  EXPECT_THAT(error_message([&] {
                options_.output = "..";
                prepare(tokenizer_, options_);
              }),
              HasSubstr("has no name of its own"));
  std::filesystem::create_directories(path("empty"));
  options_.output = path("empty/");
  EXPECT_NO_THROW(prepare(tokenizer_, options_));
  options_.output = path("new/deep/tokens");
  EXPECT_NO_THROW(prepare(tokenizer_, options_));
}

TEST_F(Prepare, OneProcessWritesAFolderAtATime) {
  const PendingFolder first(real_file_system(), folder_ / "tokens", false, kManifestName);
  EXPECT_THAT(error_message([&] {
                PendingFolder(real_file_system(), folder_ / "tokens", false, kManifestName);
              }),
              HasSubstr("tokens"));
}

// Whatever fails, the old folder or the new one is there, whole, and a second run succeeds.
TEST_F(Prepare, SurvivesAFailureOfEveryFileOperation) {
  const std::string old_text = write("old.txt", lines(10)), new_text = write("new.txt", lines(200));
  for (const Fault fault : {Fault::kDiskFull, Fault::kIoError, Fault::kShortWrite, Fault::kCrash}) {
    bool fired = true;
    for (int64_t at = 0; fired; ++at) {
      run({old_text});
      options_.inputs = {new_text};
      options_.shard_tokens = 500;
      FaultyFileSystem files(fault, at);
      try {
        prepare(tokenizer_, options_, files);
      } catch (const Error& error) {
        EXPECT_EQ(error.code() == ExitCode::kDoesNotFit,
                  fault == Fault::kDiskFull || fault == Fault::kShortWrite);
      } catch (const Crash&) {
      }
      fired = files.fired();
      if (real_file_system().status(folder_ / "tokens").kind == FileKind::kFolder) {
        const std::string text = joined(documents(Split::kTrain));
        ASSERT_TRUE(text == lines(10) || text == lines(200))
            << static_cast<int>(fault) << " " << at;
      } else {
        // Between two renames: the old one waits beside it and comes back with the next run.
        ASSERT_EQ(fault, Fault::kCrash) << at;
      }
      run({new_text});
      ASSERT_EQ(joined(documents(Split::kTrain)), lines(200));
      EXPECT_TRUE(fired || at > 20);  // many operations were made to fail
    }
  }
}

}  // namespace
}  // namespace weft::data
