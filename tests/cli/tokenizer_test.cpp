// `weft tokenizer`: training of every kind, encoding and decoding on several threads, options that
// do not go together.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <regex>

#include "cli_test.h"

namespace weft::test {
namespace {

class TokenizerVerbs : public CliTest {
 protected:
  // Some 200 KB in lines, so that several threads have some.
  void write_text() const {
    std::string text;
    for (int i = 0; i < 8000; ++i)
      text += "line " + std::to_string(i) + " of newest and widest words, low \u00e9t\u00e9\n";
    write("text.txt", text);
  }
};

class TokenizerKinds : public TokenizerVerbs, public testing::WithParamInterface<const char*> {};

TEST_P(TokenizerKinds, TrainEncodeAndDecode) {
  write_text();
  const auto train = [&](const std::string& threads, const std::string& file) {
    return must({"tokenizer", "train", "text.txt", "--kind", GetParam(), "--vocab-size", "400",
                 "--character-coverage", "1", "--threads", threads, "-o", file});
  };
  EXPECT_THAT(train("1", "one.json").out, HasSubstr(" tokens from "));
  train("3", "three.json");
  EXPECT_EQ(text_of("one.json"), text_of("three.json"));
  const std::string ids =
      must({"tokenizer", "encode", "--tokenizer", "one.json", "--threads", "1", "text.txt"}).out;
  EXPECT_EQ(
      must({"tokenizer", "encode", "--tokenizer", "one.json", "--threads", "3", "text.txt"}).out,
      ids);
  write("ids.txt", ids);
  if (std::string(GetParam()) == "wordpiece") return;  // punctuation comes back with spaces
  EXPECT_EQ(
      must({"tokenizer", "decode", "--tokenizer", "one.json", "--threads", "3", "ids.txt"}).out,
      text_of("text.txt"));
}

INSTANTIATE_TEST_SUITE_P(Kinds, TokenizerKinds,
                         testing::Values("byte-bpe", "bpe", "wordpiece", "unigram"),
                         [](const auto& kind) {
                           std::string name = kind.param;
                           std::erase(name, '-');
                           return name;
                         });

TEST_F(TokenizerVerbs, OptionsThatDoNothingAreMistakes) {
  write_text();
  const Arguments train = {"tokenizer", "train", "text.txt", "-o", "t.json"};
  const auto with = [&](const Arguments& more) {
    Arguments arguments = train;
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  };
  expect_error(with({"--kind", "unigram", "--cased"}), {"--cased", "wordpiece", "unigram"});
  expect_error(with({"--kind", "bpe", "--words", "llama3"}), {"--words", "byte-bpe"});
  expect_error(with({"--normalize", "none"}), {"--normalize", "unigram"});
  expect_error(with({"--kind", "unigram", "--vocab-size", "100"}), {"vocab_size is 100"});
  EXPECT_FALSE(exists("t.json"));
}

// A folder of a model or of tokens is not changed unasked; what the verb itself wrote may be.
TEST_F(TokenizerVerbs, TrainingReplacesItsOwnFilesOnly) {
  write("text.txt", "one two three one two three\n");
  const auto train = [](const std::string& output, const Arguments& more = {}) {
    Arguments arguments = {"tokenizer", "train", "text.txt", "--vocab-size", "264", "-o", output};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  };
  must(train("new/folder/"));
  const std::string made = text_of("new/folder/tokenizer.json");
  must(train("new/folder"));
  must(train("new/folder/other.json"));
  EXPECT_EQ(text_of("new/folder/other.json"), made);

  write("notes.json", "{}");
  expect_error(train("notes.json"), {"'notes.json' is there", "did not write it", "--overwrite"});
  write("new/folder/notes.json", "{}");
  expect_error(train("new/folder/notes.json"), {"notes.json' is there", "did not write it"});
  expect_error(train("new/folder/tokenizer_config.json"), {"is the name of a file"});
  expect_error(train(""), {"-o is empty"});

  const std::string config = text_of("new/folder/tokenizer_config.json");
  const std::string chat = "{\"chat_template\": \"{{ messages }}\"," + config.substr(1);
  write("new/folder/tokenizer_config.json", chat);
  for (const char* output : {"new/folder", "new/folder/", "new/folder/third.json"})
    expect_error(train(output), {"new/folder/", "did not write it", "--overwrite"});
  must(train("new/folder/", {"--overwrite"}));
  EXPECT_EQ(text_of("new/folder/tokenizer_config.json"), config);

  must({"prepare", "text.txt", "-o", "tokens", "--tokenizer", "new/folder", "--val-split", "none"});
  expect_error(train("tokens"), {"'tokens/tokenizer.json' is there", "'dataset.json' beside it"});
  write("new/folder/config.json", "{}");
  expect_error(train("new/folder"), {"'config.json' beside it", "--overwrite"});
}

// The inputs of `weft prepare`, with its words about what is left out.
TEST_F(TokenizerVerbs, LearnsFromWhateverPrepareReads) {
  const std::string text = "one two three one two three\n";
  write("in/text.txt", text);
  write("in/other.bin", "x");
  write("lines", "{\"text\": \"one two three one two three\\n\"}\nno json\n");
  const auto train = [&](const Arguments& more, const std::string& input = "") {
    Arguments arguments = {"tokenizer", "train", "--vocab-size", "264", "-o", "made/t.json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments, {.folder = folder_.path(), .input = input});
  };
  const Outcome folder = train({"in"});
  EXPECT_EQ(folder.code, kDone) << folder.all();
  EXPECT_THAT(folder.err, HasSubstr("left out: 1 x file with another extension (for example in/"));
  const std::string expected = text_of("made/t.json");
  const Outcome piped = train({"-"}, text);
  EXPECT_EQ(piped.code, kDone) << piped.all();
  EXPECT_EQ(text_of("made/t.json"), expected);
  const Outcome stopped = train({"lines", "--input-format", "jsonl"});
  EXPECT_EQ(stopped.code, kBadInput);
  EXPECT_THAT(stopped.err, HasSubstr("lines:2: the line is no JSON"));
  const Outcome skipped = train({"lines", "--input-format", "jsonl", "--bad-input", "skip"});
  EXPECT_EQ(skipped.code, kDone) << skipped.all();
  EXPECT_THAT(skipped.err, HasSubstr("left out: 1 x malformed record"));
  EXPECT_EQ(text_of("made/t.json"), expected);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_ / "made"), {}), 3) << "no copy of it";
}

// A line that cannot be encoded: the lines before it are there, in order.
TEST_F(TokenizerVerbs, LinesBeforeAnErrorAreWritten) {
  write_text();
  must({"prepare", "text.txt", "-o", "tokens", "--tokenizer", "chars", "--val-split", "none"});
  write("bad.txt", text_of("text.txt") + "#\n" + text_of("text.txt"));
  const Outcome outcome = run(
      {"tokenizer", "encode", "--tokenizer", "tokens/tokenizer.json", "--threads", "3", "bad.txt"});
  EXPECT_NE(outcome.code, kDone);
  EXPECT_THAT(outcome.err, HasSubstr("bad.txt:8001: "));
  EXPECT_THAT(outcome.err, HasSubstr("no token for"));
  write("ids.txt", "1 2\n3 x\n");
  const Outcome decoded = run({"tokenizer", "decode", "--tokenizer", "bytes", "ids.txt"});
  EXPECT_EQ(decoded.code, kBadInput);
  EXPECT_THAT(decoded.err, HasSubstr("ids.txt:2: 'x' is no token id"));
  const Outcome piped = run_program({"tokenizer", "decode", "--tokenizer", "bytes"},
                                    {.folder = folder_.path(), .input = "1\n1\n257\n"});
  EXPECT_EQ(piped.code, kBadInput);
  EXPECT_THAT(piped.err, HasSubstr("standard input:3: "));
  EXPECT_EQ(std::ranges::count(outcome.out, '\n'), 8000);
}

// No byte of a file is lost, text or not.
TEST_F(TokenizerVerbs, AnyBytesComeBackWhereAsked) {
  write_text();
  must({"tokenizer", "train", "text.txt", "--vocab-size", "300", "-o", "made.json"});
  std::string bytes;
  for (int i = 0; i < 2000; ++i) bytes += static_cast<char>(i * i / 7 + i);
  write("bytes.bin", bytes);
  for (const std::string tokenizer : {"made.json", "bytes"}) {
    const Arguments common = {"--whole", "--tokenizer", tokenizer};
    const auto with = [&](Arguments arguments) {
      arguments.insert(arguments.end(), common.begin(), common.end());
      return must(arguments).out;
    };
    write("ids.txt", with({"tokenizer", "encode", "bytes.bin"}));
    EXPECT_EQ(with({"tokenizer", "decode", "--bytes", "ids.txt"}), bytes);
    EXPECT_THAT(with({"tokenizer", "decode", "ids.txt"}), HasSubstr("\xEF\xBF\xBD"));
  }
}

// Threads share it where it may be cut; one line comes out.
TEST_F(TokenizerVerbs, AWholeTextHasTheSameIdsOnAnyThreads) {
  write_text();
  for (const std::string kind : {"byte-bpe", "bpe"}) {
    must({"tokenizer", "train", "text.txt", "--kind", kind, "--vocab-size", "400", "-o", kind});
    const Arguments whole = {"tokenizer", "encode", "--tokenizer", kind, "--whole", "text.txt"};
    const auto with = [&](std::initializer_list<std::string> more) {
      Arguments arguments = whole;
      arguments.insert(arguments.end(), more);
      return must(arguments).out;
    };
    // Offsets are found without a cut. "5:0-3 7:3-4" becomes "5 7".
    const std::string ids = std::regex_replace(with({"--offsets"}), std::regex(":[0-9-]+"), "");
    EXPECT_GT(ids.size(), 100000u);
    EXPECT_EQ(with({"--threads", "1"}), ids);
    EXPECT_EQ(with({"--threads", "3"}), ids);
  }
}

TEST_F(TokenizerVerbs, IdsWithoutATokenAreToldAndDecodedToNothing) {
  write_text();
  must({"tokenizer", "train", "text.txt", "--vocab-size", "300", "-o", "t.json"});
  EXPECT_THAT(must({"tokenizer", "info", "t.json"}).out, testing::Not(HasSubstr("without_token")));
  nlohmann::ordered_json file = nlohmann::ordered_json::parse(text_of("t.json"));
  file["added_tokens"].push_back(file["added_tokens"][0]);
  file["added_tokens"].back()["id"] = 310;
  file["added_tokens"].back()["content"] = "<far>";
  write("t.json", file.dump());
  const std::string info = must({"tokenizer", "info", "t.json"}).out;
  EXPECT_THAT(info, HasSubstr("vocab_size 311\nids_without_token 10\n"));
  write("ids.txt", "310 305 310\n305\n");
  EXPECT_EQ(must({"tokenizer", "decode", "--tokenizer", "t.json", "--special", "ids.txt"}).out,
            "<far><far>\n\n");
}

TEST_F(TokenizerVerbs, DropoutIsForThoseWhoAsk) {
  write_text();
  must({"tokenizer", "train", "text.txt", "--vocab-size", "300", "-o", "t.json"});
  const Arguments encode = {"tokenizer", "encode", "--tokenizer", "t.json", "text.txt"};
  const auto seeded = [&](const char* seed, const char* threads) {
    Arguments arguments = encode;
    arguments.insert(arguments.end(), {"--dropout-seed", seed, "--threads", threads});
    return arguments;
  };
  expect_error(seeded("1", "1"), {"--dropout-seed", "has no dropout"});
  const std::string usual = must(encode).out;
  nlohmann::ordered_json file = nlohmann::ordered_json::parse(text_of("t.json"));
  file["model"]["dropout"] = 0.2;
  write("t.json", file.dump());
  EXPECT_EQ(must(encode).out, usual);
  const std::string first = must(seeded("1", "1")).out;
  EXPECT_NE(first, usual);
  EXPECT_EQ(must(seeded("1", "3")).out, first);
  EXPECT_NE(must(seeded("2", "1")).out, first);
}

}  // namespace
}  // namespace weft::test
