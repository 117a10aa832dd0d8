// `weft generate`: what it prints is what the model says, within what the tokenizer has.
#include <nlohmann/json.hpp>

#include "cli_test.h"
#include "text/utf8.h"

namespace weft::test {
namespace {

class Generate : public CliTest {
 protected:
  Generate() { write_chain_model(folder_ / "model"); }

  Outcome generate(Arguments more) const {
    Arguments arguments = {"generate", "--model", "model"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return must(arguments);
  }
  std::string greedy(const std::string& prompt, Arguments more = {}) const {
    more.insert(more.end(), {"--prompt", prompt, "--temperature", "0"});
    return generate(more).out;
  }
};

TEST_F(Generate, GreedyTextIsTheChain) {
  const Outcome outcome =
      generate({"--prompt", "a", "--temperature", "0", "--max-new-tokens", "11"});
  EXPECT_EQ(outcome.out, kChainText + kChainText.substr(0, 1) + "\n");
  EXPECT_EQ(outcome.err, "") << "a folder that we wrote needs no remarks";
  EXPECT_EQ(greedy("a", {"--max-new-tokens", "0"}), "a\n");
  EXPECT_EQ(greedy("a", {"--max-new-tokens", "2", "--precision", "bf16"}), "a\u00e9\n");
}

// "a" is followed by an escape sequence, which a terminal would obey.
TEST_F(Generate, ATerminalIsShownWhatAModelSaysAndNotToldIt) {
  write_chain_model(folder_ / "evil", {.chain = {{'a', {.first = 0x1b}},
                                                 {0x1b, {.first = '['}},
                                                 {'[', {.first = 'm'}},
                                                 {'m', {.first = '\n'}},
                                                 {'\n', {.first = '\t'}},
                                                 {'\t', {.first = 'a'}}}});
  const Arguments words = {"generate", "--model",          "evil", "--prompt", "a", "--temperature",
                           "0",        "--max-new-tokens", "5"};
  EXPECT_EQ(must(words).out, "a\x1b[m\n\t\n") << "a pipe gets the bytes";
  const Outcome shown = run(words, {.on_terminal = true});
  EXPECT_EQ(shown.out, "a\\x1b[m\n\t\n") << shown.all();
  Arguments json = words;
  json.push_back("--json");
  EXPECT_THAT(run(json, {.on_terminal = true}).out, HasSubstr("\\u001b"));
}

TEST_F(Generate, TheLongestSequenceThatAConfigNamesTakesNoMemory) {
  std::string config = text_of("model/config.json");
  const std::string named = "\"max_position_embeddings\": " + std::to_string(kPositions);
  ASSERT_THAT(config, HasSubstr(named));
  config.replace(config.find(named), named.size(), "\"max_position_embeddings\": 1073741824");
  write("model/config.json", config);
  EXPECT_EQ(greedy("a", {"--max-new-tokens", "2"}), "a\u00e9\n");
}

TEST_F(Generate, IdsThatTheTokenizerLacksAreNeverChosen) {
  EXPECT_EQ(greedy("q", {"--max-new-tokens", "2"}), "qrs\n");
  EXPECT_EQ(generate({"--prompt", "q", "--beams", "3", "--max-new-tokens", "2"}).out, "qrs\n");
}

TEST_F(Generate, TheEndTokenEndsTheText) {
  EXPECT_EQ(greedy("z"), "z\n");
  write("model/generation_config.json", "{\"eos_token_id\": [98, 256]}");  // 98: b
  EXPECT_EQ(greedy("a"), kChainText.substr(0, kChainText.size() - 1) + "\n");
}

TEST_F(Generate, EndTokensOfTheWrongKindAreNotPassedOver) {
  write("model/generation_config.json", R"({"eos_token_id": "b"})");
  expect_error({"generate", "--model", "model", "--prompt", "a"},
               {"model/generation_config.json", "eos_token_id is \"b\"", "allowed is an id"});
  expect_error({"inspect", "model"}, {"generation_config.json", "eos_token_id is \"b\""});
  write("model/generation_config.json", R"({"eos_token_id": [98, -1, 100000]})");
  const Outcome outcome = generate({"--prompt", "a", "--temperature", "0"});
  EXPECT_EQ(outcome.out, kChainText.substr(0, kChainText.size() - 1) + "\n");
  EXPECT_THAT(outcome.err, testing::AllOf(HasSubstr("eos_token_id -1 ends no text"),
                                          HasSubstr("eos_token_id 100000 ends no text")));
}

TEST_F(Generate, StopStringsEndTheTextBeforeThem) {
  EXPECT_EQ(greedy("a", {"--stop", "\u20ac"}), "a\u00e9\n");
  EXPECT_EQ(greedy("a", {"--stop", "xyz", "--stop", "ba"}),
            kChainText.substr(0, kChainText.size() - 1) + "\n");
  EXPECT_EQ(generate({"--prompt", "a", "--beams", "2", "--stop", "\u20ac"}).out, "a\u00e9\n");
}

TEST_F(Generate, ReadsNeverEndWithinACharacter) {
  const Outcome outcome =
      generate({"--prompt", "a", "--temperature", "0", "--max-new-tokens", "90"});
  for (const size_t end : outcome.reads)
    EXPECT_EQ(text::valid_utf8_prefix(std::string_view(outcome.out).substr(0, end)), end);
  const Outcome cut = generate({"--prompt", "a", "--temperature", "0", "--max-new-tokens", "1"});
  EXPECT_EQ(cut.out, "a\ufffd\n") << "half a character is told as such";
  const Outcome noise = generate({"--prompt", "a", "--temperature", "50", "--seed", "1"});
  EXPECT_EQ(text::valid_utf8_prefix(noise.out), noise.out.size());
}

TEST_F(Generate, SeedsReproduceAndDiffer) {
  const auto sampled = [&](const std::string& seed) {
    return generate({"--prompt", "a", "--temperature", "8", "--seed", seed}).out;
  };
  EXPECT_EQ(sampled("7"), sampled("7"));
  EXPECT_NE(sampled("7"), sampled("8"));
}

TEST_F(Generate, FiltersThatLeaveOneTokenAreGreedy) {
  const std::string expected = greedy("a", {"--max-new-tokens", "30"});
  for (const Arguments& filter :
       {Arguments{"--top-k", "1"}, Arguments{"--top-p", "0.001"}, Arguments{"--min-p", "1"}}) {
    Arguments arguments = {"--prompt", "a", "--temperature", "8", "--max-new-tokens", "30"};
    arguments.insert(arguments.end(), filter.begin(), filter.end());
    EXPECT_EQ(generate(arguments).out, expected) << filter[0];
  }
  EXPECT_EQ(greedy("r", {"--repetition-penalty", "1.1", "--max-new-tokens", "1"}), "rs\n");
  EXPECT_EQ(generate({"--prompt", "a", "--beams", "4", "--max-new-tokens", "30"}).out, expected);
}

TEST_F(Generate, PromptsOfAFileComeInOrderAndAlikeAlone) {
  write("prompts.txt", "a\r\nq\n\nlonger z\nb");
  const Outcome outcome =
      generate({"--prompts", "prompts.txt", "--temperature", "0", "--max-new-tokens", "3"});
  EXPECT_EQ(outcome.out, "a\u00e9\ufffd\nqrsa\nlonger z\nba\u00e9\n");
  EXPECT_THAT(outcome.err, HasSubstr("prompts.txt: left out: 1 empty line\n"));
  std::string many, expected;
  for (int i = 0; i < 19; ++i) {
    many += std::string(static_cast<size_t>(i % 5), '.') + "a\n";
    expected += std::string(static_cast<size_t>(i % 5), '.') + "a\u00e9\n";
  }
  write("many.txt", many);
  EXPECT_EQ(generate({"--prompts", "many.txt", "--temperature", "0", "--max-new-tokens", "2"}).out,
            expected);
}

TEST_F(Generate, JsonHasALineForEachPrompt) {
  write("prompts.txt", "a\n\nz\n");
  const Outcome outcome = generate(
      {"--prompts", "prompts.txt", "--temperature", "0", "--max-new-tokens", "2", "--json"});
  const size_t end = outcome.out.find('\n');
  const auto first = nlohmann::json::parse(outcome.out.substr(0, end));
  const auto second = nlohmann::json::parse(outcome.out.substr(end + 1));
  EXPECT_EQ(first,
            nlohmann::json::parse(
                R"({"prompt": "a", "text": "é", "tokens": 2, "reason": "length", "line": 1})"));
  EXPECT_EQ(second["reason"], "end of text");
  EXPECT_EQ(second.value("line", 0), 3);
  EXPECT_FALSE(nlohmann::json::parse(generate({"--prompt", "a", "--json"}).out).contains("line"));
}

TEST_F(Generate, WithoutANumberItFillsWhatTheModelHasRoomFor) {
  const std::string prompt(80, 'a');
  EXPECT_EQ(text::valid_utf8_prefix(greedy(prompt)), greedy(prompt).size());
  expect_error({"generate", "--model", "model", "--prompt", prompt, "--max-new-tokens", "17"},
               {"--max-new-tokens 17", "made for 96 tokens", "at most 16"});
  expect_error({"generate", "--model", "model", "--prompt", std::string(96, 'a')},
               {"--prompt: ", "has 96 tokens", "shorter prompt"});
  write("long.txt", "a\n" + std::string(95, 'a') + "\n" + std::string(96, 'a') + "\n");
  expect_error({"generate", "--model", "model", "--prompts", "long.txt"},
               {"long.txt:3: the prompt has 96 tokens"});
  expect_error({"generate", "--model", "model", "--prompts", "long.txt", "--max-new-tokens", "2"},
               {"long.txt:2: with --max-new-tokens 2", "at most 1"});
}

TEST_F(Generate, RefusesBadOptionsBeforeItPrints) {
  const auto refused = [&](Arguments more, const std::vector<std::string>& parts) {
    Arguments arguments = {"generate", "--model", "model", "--prompt", "a"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    expect_error(arguments, parts);
  };
  refused({"--temperature", "-1"}, {"temperature", "-1"});
  refused({"--temperature", "nan"}, {"temperature", "nan"});
  refused({"--top-p", "2"}, {"top_p", "2"});
  refused({"--top-k", "-4"}, {"top_k", "-4"});
  refused({"--min-p", "7"}, {"min_p", "7"});
  refused({"--repetition-penalty", "0"}, {"repetition_penalty"});
  refused({"--seed", "-1"}, {"--seed", "-1"});
  refused({"--stop", ""}, {"--stop", "empty"});
  refused({"--precision", "fp8"}, {"--precision", "auto,fp32,bf16"});
  refused({"--beams", "3", "--top-k", "5"}, {"--beams", "--top-k"});
  refused({"--length-penalty", "2"}, {"--length-penalty", "--beams"});
  expect_error({"generate", "--model", "model", "--prompt", "a\xff"}, {"--prompt", "byte 1"});
  write("bad.txt", "a\nb\xff\n");
  expect_error({"generate", "--model", "model", "--prompts", "bad.txt"}, {"bad.txt:2", "byte 1"});
  write("none.txt", "\n\n");
  expect_error({"generate", "--model", "model", "--prompts", "none.txt"}, {"has no prompts"});
}

TEST_F(Generate, AnInterruptIsNoSuccess) {
  std::string prompts;
  for (int i = 0; i < 20000; ++i) prompts += "a\n";
  write("prompts.txt", prompts);
  for (const char* beams : {"1", "2"}) {
    RunningProgram program(
        {"generate", "--model", "model", "--prompts", "prompts.txt", "--beams", beams},
        {.folder = folder_.path()});
    program.wait_until_it_minds(SIGINT);
    program.send(SIGINT);
    const Outcome outcome = program.wait();
    EXPECT_EQ(outcome.code, 130) << outcome.all().substr(0, 1000);
    EXPECT_THAT(outcome.err, HasSubstr("interrupted before the end"));
  }
}

}  // namespace
}  // namespace weft::test
