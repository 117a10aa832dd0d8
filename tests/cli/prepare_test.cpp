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
  Arguments other = arguments;
  other[3] = "other";
  expect_error(other, {"standard input is empty"});
}

TEST_F(Preparing, StopsOrSkipsAtBadInput) {
  write("a.jsonl", "{\"text\": \"good\"}\n{bad\n");
  Arguments arguments = {"prepare",     "a.jsonl", "-o",          "tokens",
                         "--tokenizer", "bytes",   "--val-split", "none"};
  expect_error(arguments, {"a.jsonl:2: the line is no JSON"});
  arguments.insert(arguments.end(), {"--bad-input", "skip"});
  EXPECT_THAT(must(arguments).err, HasSubstr("1 x malformed record"));
  arguments.back() = "ignore";
  expect_error(arguments, {"--bad-input: 'ignore'", "stop, skip"});
  expect_error({"prepare", "a.jsonl", "-o", "x", "--tokenizer", "bytes", "--input-format", "xml"},
               {"--input-format: 'xml'", "txt, jsonl, json, csv, tsv"});
}

}  // namespace
}  // namespace weft::test
