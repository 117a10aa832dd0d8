// Bad command lines and what each is told: the word that was given, what is allowed, and where the
// options are listed. Exit code 2, one line, nothing done.
#include "cli_test.h"

namespace weft::test {
namespace {

struct BadLine {
  const char* name;
  Arguments arguments;
  const char* message;  // the error's beginning, after "weft: "
};

class BadCommandLine : public CliTest, public testing::WithParamInterface<BadLine> {};

TEST_P(BadCommandLine, IsToldWhatWouldBeRight) {
  write("x.yaml", tiny_config());
  const auto before = contents_of(folder_.path());
  const Outcome outcome = run(GetParam().arguments);
  SCOPED_TRACE(outcome.all());
  EXPECT_EQ(outcome.code, kBadInput);
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(outcome.err, testing::StartsWith("weft: " + std::string(GetParam().message)));
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1);
  EXPECT_EQ(outcome.err.find('\x1b'), std::string::npos);
  EXPECT_TRUE(contents_of(folder_.path()) == before);
}

INSTANTIATE_TEST_SUITE_P(
    Verbs, BadCommandLine,
    testing::Values(
        BadLine{"None", {}, "a verb is missing; allowed: prepare, tokenizer, "},
        BadLine{"Misspelt",
                {"pretran"},
                "the verb 'pretran' is not known; did you mean 'pretrain'?; allowed: prepare, "},
        BadLine{"Unknown", {"xyzzy"}, "the verb 'xyzzy' is not known; allowed: prepare, "},
        BadLine{"WithEscapes",
                {"pl\x1b[31man"},
                "the verb 'pl\\x1b[31man' is not known; allowed: prepare, "},
        BadLine{"Incomplete",
                {"tokenizer"},
                "tokenizer: a verb is missing; allowed: train, encode, decode, info, "},
        BadLine{"MisspeltInner",
                {"tokenizer", "trian", "x"},
                "tokenizer: the verb 'trian' is not known; did you mean 'train'?"},
        BadLine{"IncompleteCheckpoint",
                {"checkpoint"},
                "checkpoint: a verb is missing; allowed: list, verify, diff, prune, repair"}),
    [](const auto& test) { return std::string(test.param.name); });

INSTANTIATE_TEST_SUITE_P(
    Options, BadCommandLine,
    testing::Values(
        BadLine{"Misspelt",
                {"--versoin"},
                "the option '--versoin' is not known; did you mean '--version'?"},
        BadLine{"MisspeltOfAVerb",
                {"plan", "x.yaml", "--jsn"},
                "plan: the option '--jsn' is not known; did you mean '--json'?; weft plan --help "
                "shows all options\n"},
        BadLine{"MisspeltWithValue",
                {"generate", "--modle=x"},
                "generate: the option '--modle' is not known; did you mean '--model'?; weft "
                "generate --help shows all options\n"},
        BadLine{"Missing",
                {"generate"},
                "generate: --model is required; weft generate --help shows all options\n"},
        BadLine{"MissingConfig",
                {"plan"},
                "plan: config is required; weft plan --help shows all options\n"},
        BadLine{"MissingPath",
                {"inspect"},
                "inspect: path is required; weft inspect --help shows all options\n"},
        BadLine{"MissingOutput",
                {"export", "x"},
                "export: --output is required; weft export --help shows all options\n"},
        BadLine{
            "MissingValue",
            {"generate", "--model"},
            "generate: --model: 1 required TEXT missing; weft generate --help shows all options\n"},
        BadLine{"WordForNumber",
                {"generate", "--model", "x", "--temperature", "hot"},
                "generate: --temperature: 'hot' is not a number of the kind that it takes; weft "
                "generate --help shows all options\n"},
        BadLine{"WordForCount",
                {"tokenizer", "train", "x.yaml", "-o", "t.json", "--vocab-size", "many"},
                "tokenizer train: --vocab-size: 'many' is not a number of the kind that it takes; "
                "weft tokenizer train --help shows all options\n"},
        BadLine{"OutOfRange",
                {"generate", "--model", "x", "--beams", "0"},
                "generate: --beams: Value 0 not in range 1 to 1024; weft generate --help shows all "
                "options\n"},
        BadLine{"NegativeCount",
                {"inspect", "x.yaml", "--random", "-1"},
                "inspect: --random: Value -1 not in range 0 to "},
        BadLine{"WarmupOfBench",
                {"bench", "x.yaml", "--warmup", "-1"},
                "bench: --warmup: Value -1 not in range 0 to 1048576"},
        BadLine{"WarmupOfProfile",
                {"profile", "x.yaml", "--warmup", "99999999999999"},
                "profile: --warmup: Value 99999999999999 not in range 0 to 1048576"},
        BadLine{"EmptyMemory",
                {"plan", "x.yaml", "--memory", ""},
                "plan: --memory: the value is empty"},
        BadLine{"EmptyMemoryOfCheck",
                {"check", "x.yaml", "--memory", ""},
                "check: --memory: the value is empty"},
        BadLine{
            "EmptyPass", {"graph", "x.yaml", "--pass", ""}, "graph: --pass: the value is empty"},
        BadLine{"TraceInNoFolder",
                {"profile", "x.yaml", "--trace", "nodir/t.json"},
                "--trace: there is no folder 'nodir'"},
        BadLine{"UnknownWord",
                {"inspect", "x.yaml", "--split", "test"},
                "inspect: --split: test not in {train,validation}; weft inspect --help shows all "
                "options\n"},
        BadLine{"UnknownKernels",
                {"pretrain", "x.yaml", "--kernels", "fast"},
                "pretrain: --kernels: fast not in {auto,reference,own,vendor}; weft pretrain "
                "--help shows all "
                "options\n"},
        BadLine{"NoMemory",
                {"plan", "x.yaml", "--memory", "lots"},
                "--memory: 'lots' is not a size; allowed: a number of bytes, at least 1, or one "
                "with a unit of KiB, MiB, GiB, TiB, kB, MB, GB, TB, such as 16GiB\n"}),
    [](const auto& test) { return std::string(test.param.name); });

INSTANTIATE_TEST_SUITE_P(
    Overrides, BadCommandLine,
    testing::Values(
        BadLine{"NoValue",
                {"plan", "x.yaml", "max_steps"},
                "command line: 'max_steps' is not key=value\n"},
        BadLine{"NoKey", {"plan", "x.yaml", "=3"}, "command line: '=3' is not key=value\n"},
        BadLine{"EmptyPart",
                {"plan", "x.yaml", "a..b=1"},
                "command line: a..b=1: 'a..b' is not the name of a key; write key or a.b.c\n"},
        BadLine{"Misspelt",
                {"plan", "x.yaml", "max_step=3"},
                "command line: max_step=3: unknown key 'max_step'; did you mean 'max_steps'?\n"},
        BadLine{"Escape",
                {"plan", "x.yaml", "max_steps=\x1b[31m"},
                "command line: max_steps=\\x1b[31m:1:1: control character U+001B; remove it\n"},
        BadLine{
            "WrongType",
            {"plan", "x.yaml", "max_steps=few"},
            "command line: max_steps=few: max_steps: 'few' is not an integer; allowed: at least 1"},
        BadLine{"OutOfRange",
                {"plan", "x.yaml", "max_steps=0"},
                "command line: max_steps=0: max_steps: '0' is out of range; allowed: at least 1"},
        BadLine{"NoFile",
                {"plan", "nowhere.yaml"},
                "cannot read 'nowhere.yaml': there is no such file or folder; check the path\n"},
        BadLine{
            "FileWithALineEnd",
            {"plan", "no\nwhere.yaml"},
            "cannot read 'no\\x0awhere.yaml': there is no such file or folder; check the path\n"}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace weft::test
