// `weft prepare` as a user calls it: what the data room's tests cannot see.
#include "cli_test.h"

namespace weft::test {
namespace {

class Preparing : public CliTest {};

TEST_F(Preparing, ReadsStandardInput) {
  const Arguments arguments = {"prepare",     "-",     "-o",          "tokens",
                               "--tokenizer", "bytes", "--val-split", "none"};
  const Outcome text = run(arguments, {.input = "piped text"});
  EXPECT_THAT(text.out, HasSubstr("train: 1 documents, 10 bytes, 11 tokens")) << text.all();
  EXPECT_FALSE(exists(".tokens.stdin"));
  Arguments records = arguments;
  records.insert(records.end(), {"--overwrite", "--input-format", "jsonl"});
  const Outcome lines = run(records, {.input = "{\"text\": \"a\"}\n{\"text\": \"b\"}\n"});
  EXPECT_THAT(lines.out, HasSubstr("train: 2 documents, 2 bytes")) << lines.all();
  EXPECT_THAT(run(records, {.input = "{\"text\": 3}\n"}).err,
              HasSubstr("weft: standard input:1: field `text` is a number"));
  Arguments other = arguments;
  other[3] = "other";
  run(other, {.input = "piped text"});
  other[3] = "same";
  run(other, {.input = "piped text"});
  EXPECT_EQ(text_of("same/dataset.json"), text_of("other/dataset.json"));
  other[3] = "empty";
  expect_error(other, {"standard input is empty"});
}

TEST_F(Preparing, StopsOrSkipsAtBadInput) {
  write("a.jsonl", "{\"text\": \"good\"}\n{bad\n");
  Arguments arguments = {"prepare",     "a.jsonl", "-o",          "tokens",
                         "--tokenizer", "bytes",   "--val-split", "none"};
  expect_error(arguments, {"a.jsonl:2: the line is no JSON"});
  arguments.insert(arguments.end(), {"--bad-input", "skip"});
  EXPECT_THAT(must(arguments).err, HasSubstr("1 x malformed record"));
  write("b.jsonl", "{bad\n");
  expect_error({"prepare", "b.jsonl", "-o", "x", "--tokenizer", "bytes", "--bad-input", "skip"},
               {"no text is left of 'b.jsonl'", "1 x malformed record (b.jsonl:1: "});
  expect_error({"prepare", "a.jsonl", "-o", "x", "--tokenizer", "bytes", "--bad-input", "skip",
                "--stage", "length,min_chars=9"},
               {"no text is left", "1 documents by stage length (too few characters)"});
  arguments.back() = "ignore";
  expect_error(arguments, {"--bad-input: 'ignore'", "stop, skip"});
  expect_error({"prepare", "a.jsonl", "-o", "x", "--tokenizer", "bytes", "--input-format", "xml"},
               {"--input-format: 'xml'", "txt, jsonl, json, csv, tsv"});
}

TEST_F(Preparing, MakesFeaturesOfTheColumnsOfTables) {
  write("p.csv", "text,age,city\na,31,Oslo\nb,NA,Rome\nc,45,\n");
  const Arguments arguments = {"prepare",     "p.csv",
                               "-o",          "p",
                               "--tokenizer", "bytes",
                               "--val-split", "none",
                               "--stage",     "missing,columns=[age],method=median",
                               "--stage",     "missing,columns=[city],method=constant,value=none",
                               "--stage",     "normalize,columns=[age]",
                               "--stage",     "one_hot,columns=[city]"};
  EXPECT_THAT(must(arguments).out, HasSubstr("features: 4 of each document"));
  EXPECT_THAT(must({"inspect", "p"}).out,
              HasSubstr("4 features: age, city=Oslo, city=Rome, city=none"));
  Arguments others = arguments;
  others[3] = "q";
  others.insert(others.end(), {"--column-statistics", "p"});
  must(others);
  EXPECT_TRUE(exists("q/train-00000.npy"));
  expect_error(
      {"prepare", "p.csv", "-o", "r", "--tokenizer", "bytes", "--stage", "normalize,columns=[age]"},
      {"p.csv:3:3: column 'age' has no value", "missing before"});
  expect_error({"prepare", "p.csv", "-o", "r", "--tokenizer", "bytes", "--stage",
                "missing,columns=[age],method=z_score"},
               {"has no method z_score", "drop, mean, median and constant"});
}

// A mark at the start of a file is no text, and nothing is lost with it.
TEST_F(Preparing, WhatWasChangedIsNotToldAsLeftOut) {
  write("a.txt",
        "\xef\xbb\xbf"
        "abc\xff\n");
  const Outcome outcome = must({"prepare", "a.txt", "-o", "a", "--tokenizer", "bytes",
                                "--val-split", "none", "--invalid-utf8", "replace"});
  EXPECT_THAT(outcome.err, HasSubstr("weft: changed: 1 x byte order mark removed"));
  EXPECT_THAT(outcome.err, HasSubstr("weft: changed: 1 x malformed sequence replaced by U+FFFD"));
  EXPECT_THAT(outcome.err, testing::Not(HasSubstr("left out")));
}

TEST_F(Preparing, CleansByTheStagesOfTheCommandLineOrOfAConfig) {
  write("a.jsonl",
        "{\"text\": \"mail me@here.org\"}\n{\"text\": \"mail me@here.org\"}\n{\"text\": \"x\"}\n");
  const Outcome words = must({"prepare", "a.jsonl", "-o", "a", "--tokenizer", "bytes",
                              "--val-split", "none", "--stage", "exact_duplicates", "--stage",
                              "length,min_chars=3", "--stage", "personal_data,kinds=[email,ip]"});
  EXPECT_THAT(words.out, HasSubstr("stage exact_duplicates: 3 documents, 0 changed, 1 left out"));
  EXPECT_THAT(words.out, HasSubstr("stage length: 2 documents, 0 changed, 1 left out"));
  EXPECT_THAT(words.out, HasSubstr("train: 1 documents, 12 bytes"));
  const std::string page = text_of("a/report.html");
  EXPECT_THAT(page, HasSubstr("equal to an earlier document"));
  EXPECT_THAT(page, HasSubstr("mail &lt;EMAIL&gt;"));
  EXPECT_THAT(page, HasSubstr("name=\"viewport\" content=\"width=device-width"));
  EXPECT_THAT(page, HasSubstr("prefers-color-scheme: dark"));
  write("c.yaml",
        "inputs: a.jsonl\noutput: b\ntokenizer: bytes\nval_split: none\nstages:\n"
        "  - stage: exact_duplicates\n  - {stage: length, min_chars: 3}\n"
        "  - {stage: personal_data, kinds: [email, ip]}\n");
  must({"prepare", "c.yaml"});
  EXPECT_EQ(text_of("b/train-00000.weft"), text_of("a/train-00000.weft"));
  EXPECT_EQ(text_of("b/report.html"), page);
  expect_error({"prepare", "c.yaml", "output=d", "stages[0].min_chars=3"},
               {"the stage exact_duplicates has no key `min_chars`; it has memory_mb"});
  expect_error({"prepare", "a.jsonl", "-o", "d", "--tokenizer", "bytes", "--stage", "dedup"},
               {"dedup", "exact_duplicates"});
  expect_error({"prepare", "a.jsonl", "--tokenizer", "bytes"}, {"output"});
}

TEST_F(Preparing, IsPrintedAsAConfigThatMeansTheSame) {
  const Outcome printed = must({"prepare", "a.txt", "-o", "a", "--tokenizer", "bytes", "--stage",
                                "near_duplicates,bands=10", "--print-config"});
  write("c.yaml", printed.out);
  EXPECT_EQ(must({"prepare", "c.yaml", "--print-config"}).out, printed.out);
  EXPECT_THAT(printed.out, HasSubstr("bands: 10"));
}

// As configs of training write it.
TEST_F(Preparing, TheSplitMayBeAMap) {
  const std::string rest = "inputs: a.txt\noutput: a\ntokenizer: bytes\n";
  write("c.yaml", rest + "val_split: {by: tail, size: 0.25}\n");
  EXPECT_THAT(must({"prepare", "c.yaml", "--print-config"}).out, HasSubstr("\"tail:0.25\""));
  EXPECT_THAT(must({"prepare", "c.yaml", "val_split=none", "--print-config"}).out,
              HasSubstr("val_split: none"));
  expect_error({"prepare", "c.yaml", "val_split={by: tail}"}, {"{by: hash, size: 0.05}"});
  expect_error({"prepare", "c.yaml", "val_split={by: head, size: 0.1}"},
               {"'head:0.1' is not known", "hash:SIZE, tail:SIZE"});
}

class Inspecting : public CliTest {
 protected:
  Inspecting() {
    std::string lines;
    for (int i = 0; i < 40; ++i)
      lines += "{\"text\": \"" + std::string(static_cast<size_t>(i % 8), 'a') + "b" +
               std::to_string(i) + "\"}\n";
    write("a.jsonl", lines);
    must({"prepare", "a.jsonl", "-o", "tokens", "--tokenizer", "bytes", "--val-split", "none",
          "--shard-tokens", "50"});
  }
};

TEST_F(Inspecting, TellsOfTokensAndText) {
  const std::string folder = must({"inspect", "tokens"}).out;
  EXPECT_THAT(folder, HasSubstr("documents 40"));
  EXPECT_THAT(folder, HasSubstr("bytes_per_token"));
  EXPECT_THAT(folder, HasSubstr("4 to 7 "));
  EXPECT_THAT(folder, HasSubstr("'a'"));
  EXPECT_THAT(folder, HasSubstr("'<|endoftext|>'"));
  const std::string text = must({"inspect", "a.jsonl", "--json"}).out;
  EXPECT_THAT(text, HasSubstr("\"documents\": 40"));
  EXPECT_THAT(text, HasSubstr("\"length_unit\": \"bytes\""));
  EXPECT_THAT(must({"inspect", "a.jsonl", "--tokenizer", "bytes"}).out, HasSubstr("tokens 250"));
  EXPECT_THAT(must({"inspect", "tokens/train-00001.weft"}).out, HasSubstr("tokens 50"));
  expect_error({"inspect", "missing"}, {"missing", "there is no such file"});
  std::string bytes = text_of("tokens/train-00001.weft");
  bytes[70] = static_cast<char>(bytes[70] ^ 1);
  write("tokens/train-00001.weft", bytes);
  expect_error({"inspect", "tokens"}, {"train-00001.weft' is damaged", "run `weft prepare` again"});
}

TEST_F(Inspecting, ShowsDocumentsWithTheirTokens) {
  for (int i = 0; i < 40; ++i)
    EXPECT_THAT(
        must({"inspect", "tokens", "--document", std::to_string(i), "--color", "never"}).out,
        HasSubstr("b|" + std::string(1, std::to_string(i)[0])));
  EXPECT_THAT(must({"inspect", "tokens", "--document", "1", "--color", "always"}).out,
              HasSubstr("\x1b[30;48;5;"));
  EXPECT_THAT(must({"inspect", "a.jsonl", "--document", "3"}).out, HasSubstr("aaab3\n"));
  const Arguments random = {"inspect", "tokens", "--random", "5", "--seed", "7"};
  const std::string five = must(random).out;
  EXPECT_EQ(must(random).out, five);
  Arguments other = random;
  other.back() = "8";
  EXPECT_NE(must(other).out, five);
  expect_error({"inspect", "tokens", "--document", "40"}, {"has documents 0 to 39"});
}

}  // namespace
}  // namespace weft::test
