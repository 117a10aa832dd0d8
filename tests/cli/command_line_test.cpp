// The command line itself: help, version, misspelt words, and how soon a mistake is told.
#include <algorithm>
#include <functional>

#include "cli_test.h"

namespace weft::test {
namespace {

class CommandLine : public CliTest {};

// Processor time says what the program takes; the clock also counts what else the machine does.
void expect_within(double seconds, const std::function<Outcome()>& run) {
  double processor = 1e9, clock = 1e9;
  for (int i = 0; i < 7; ++i) {
    const Outcome outcome = run();
    processor = std::min(processor, outcome.processor_seconds);
    clock = std::min(clock, outcome.seconds);
  }
  EXPECT_LE(processor, seconds);
  EXPECT_LE(clock, 5 * seconds);
}

class Help : public CliTest, public testing::WithParamInterface<Arguments> {};

TEST_P(Help, NamesEveryOptionAndAnExample) {
  Arguments arguments = GetParam();
  std::string words = "weft";
  for (const std::string& word : arguments) words += " " + word;
  arguments.push_back("--help");
  const Outcome outcome = must(arguments);
  EXPECT_THAT(outcome.out, HasSubstr("Usage: " + words));
  EXPECT_THAT(outcome.out, HasSubstr("Example"));
  EXPECT_THAT(outcome.out, HasSubstr("\n  " + words + " "));  // as it would be typed
  EXPECT_EQ(outcome.err, "");
}

INSTANTIATE_TEST_SUITE_P(
    Verbs, Help,
    testing::Values(Arguments{"prepare"}, Arguments{"tokenizer"}, Arguments{"tokenizer", "train"},
                    Arguments{"tokenizer", "encode"}, Arguments{"tokenizer", "decode"},
                    Arguments{"tokenizer", "info"}, Arguments{"check"}, Arguments{"inspect"},
                    Arguments{"pretrain"}, Arguments{"plan"}, Arguments{"graph"},
                    Arguments{"profile"}, Arguments{"bench"}, Arguments{"generate"},
                    Arguments{"evaluate"}, Arguments{"export"}, Arguments{"import"}),
    [](const auto& verb) {
      std::string name;
      for (const std::string& word : verb.param) name += word;
      return name;
    });

TEST_F(CommandLine, HelpListsEveryVerb) {
  const Outcome outcome = must({"--help"});
  for (const char* verb : {"prepare", "tokenizer", "check", "inspect", "pretrain", "plan", "graph",
                           "profile", "bench", "generate", "evaluate", "export", "import"})
    EXPECT_THAT(outcome.out, HasSubstr("\n  " + std::string(verb) + " "));
  EXPECT_THAT(outcome.out, HasSubstr("Exit codes"));
}

TEST_F(CommandLine, TheVersionComesWithin20Milliseconds) {
  EXPECT_THAT(must({"--version"}).out, testing::MatchesRegex("weft [0-9]+\\.[0-9]+\\.[0-9]+\n"));
  expect_within(0.020, [&] { return run({"--version"}); });
}

TEST_F(CommandLine, AConfigErrorComesWithin100Milliseconds) {
  write("bad.yaml", tiny_config() + "learning_rat: 1e-3\n");
  expect_error({"pretrain", "bad.yaml"},
               {"bad.yaml:9:1", "learning_rat", "did you mean 'learning_rate'?"});
  expect_within(0.100, [&] { return run({"pretrain", "bad.yaml"}); });
}

TEST_F(CommandLine, MistakesNameWhatWouldBeRight) {
  expect_error({}, {"a verb is missing", "pretrain", "weft --help"});
  expect_error({"pretran"}, {"'pretran' is not known", "did you mean 'pretrain'?"});
  expect_error({"xyzzy"}, {"'xyzzy' is not known", "allowed: prepare, tokenizer"});
  expect_error({"tokenizer"}, {"tokenizer: a verb is missing", "train, encode, decode, info"});
  expect_error({"tokenizer", "trian", "x"}, {"'trian'", "did you mean 'train'?"});
  expect_error({"--versoin"}, {"'--versoin' is not known", "did you mean '--version'?"});
  expect_error({"plan", "x.yaml", "--jsn"}, {"plan: ", "'--jsn'", "did you mean '--json'?"});
  expect_error({"generate", "--modle", "x"}, {"'--modle'", "did you mean '--model'?"});
  expect_error({"generate", "--modle=x"}, {"'--modle'", "did you mean '--model'?"});
  expect_error({"generate"}, {"--model is required", "weft generate --help"});
  expect_error({"generate", "--model", "x", "--beams", "0"}, {"--beams", "0 not in range", "1024"});
  expect_error({"tokenizer", "train", "x", "-o", "y", "--vocab-size", "many"},
               {"--vocab-size", "many"});
  expect_error({"plan"}, {"config is required"});
}

TEST_F(CommandLine, OutputThatCannotBeWrittenIsAnError) {
  // A device of Linux.
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "this system has no /dev/full";
  prepare_run();
  must({"pretrain", "tiny.yaml"});
  for (const Arguments& arguments :
       {Arguments{"--help"}, Arguments{"plan", "tiny.yaml"}, Arguments{"graph", "tiny.yaml"},
        Arguments{"runs", "."}, Arguments{"checkpoint", "list", "run"}}) {
    const Outcome outcome = run(arguments, {.output_file = "/dev/full"});
    EXPECT_EQ(outcome.code, kBadInput) << outcome.all();
    EXPECT_THAT(outcome.err, HasSubstr("standard output could not be written"));
  }
}

TEST_F(CommandLine, AReaderThatGoesAwayEndsNothingBadly) {
  write_chain_model(folder_ / "model");
  prepare_run();
  for (const Arguments& arguments :
       {Arguments{"generate", "--model", "model", "--prompt", "a"}, Arguments{"graph", "tiny.yaml"},
        Arguments{"pretrain", "tiny.yaml"}}) {
    RunningProgram program(arguments, {.folder = folder_.path()});
    program.close_output();
    const Outcome outcome = program.wait();
    EXPECT_EQ(outcome.code, kDone) << outcome.all();
    EXPECT_EQ(outcome.signal, 0) << outcome.all();
  }
  EXPECT_TRUE(exists("run/checkpoint-2/manifest.json")) << "training went on";
}

}  // namespace
}  // namespace weft::test
